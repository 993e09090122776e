// The line that makes curl send what the page sends. A key is named, never shown.
import { url } from "../lib/api.js";
import { quote } from "../lib/quote.js";

/** A file's name in curl's own form syntax, which gives a meaning to commas, semicolons and quotes. @param {string} name */
function formFile(name) {
  const isPlain = !/[",;\\]/.test(name);
  return isPlain ? `image=@${name}` : `image=@"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/**
 * @param {import("./types.js").Picture} picture
 * @param {Record<string, string>} fields
 * @param {{ hasKey: boolean, query?: string, accept?: string, output?: string }} options `output` is the file for the answer
 */
export function curlLine({ file, address }, fields, { hasKey, query = "", accept, output }) {
  const parts = ["curl"];
  if (hasKey) parts.push('-H "Authorization: Bearer $HUEMILL_API_KEY"');
  if (accept) parts.push(`-H ${quote(`Accept: ${accept}`)}`);
  if (output) parts.push(`-o ${quote(output)}`);
  if (address) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify({ url: address, ...fields }))}`);
  } else {
    parts.push(`-F ${quote(formFile(file.name))}`, ...Object.entries(fields).map(([name, value]) => `-F ${quote(`${name}=${value}`)}`));
  }
  return [...parts, quote(url(`process${query}`).href)].join(" ");
}
