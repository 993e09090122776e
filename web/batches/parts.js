// Divides what was chosen into jobs, and sends one of them. A job has pictures, or one archive, or addresses.
import { json } from "../lib/api.js";
import { uuid } from "./random.js";
import { upload } from "./upload.js";

/** @typedef {import("./types.js").Chosen} Chosen */

/** What a job may have, as the service has it by default. */
export const MOST_PICTURES = 200;
export const MOST_URLS = 1_000;
const MOST_BYTES = 500 * 2 ** 20;
const MOST_PICTURE_BYTES = 50 * 2 ** 20;

/** Whether the service refuses a file for its size, and all that is sent with it. @param {Chosen} chosen @param {boolean} isZip */
export const isTooLarge = ({ file }, isZip) => file.size > (isZip ? MOST_BYTES : MOST_PICTURE_BYTES);

/**
 * @typedef {object} Part what becomes a job
 * @property {string} key so that sending it again makes no second job
 * @property {string} name
 * @property {number | null} count of pictures; null where only the archive knows
 * @property {number} bytes
 * @property {Chosen[]} [pictures]
 * @property {Chosen} [zip]
 * @property {string[]} [urls]
 */

/**
 * @param {{ pictures: Chosen[], zips: Chosen[] }} selection
 * @param {string[]} urls
 * @returns {Part[]}
 */
export function partsOf({ pictures, zips }, urls) {
  /** @type {Part[]} */
  const parts = [];
  for (const group of groups(pictures)) {
    const bytes = group.reduce((sum, { file }) => sum + file.size, 0);
    parts.push({ key: uuid(), name: nameOf(group), count: group.length, bytes, pictures: group });
  }
  for (const zip of zips) parts.push({ key: uuid(), name: zip.path, count: zip.count ?? null, bytes: zip.file.size, zip });
  for (let at = 0; at < urls.length; at += MOST_URLS) {
    const some = urls.slice(at, at + MOST_URLS);
    parts.push({ key: uuid(), name: hostsOf(some), count: some.length, bytes: 0, urls: some });
  }
  return parts;
}

/** Pictures in groups that a job may have. @param {Chosen[]} pictures */
function groups(pictures) {
  /** @type {Chosen[][]} */
  const all = [];
  let bytes = Infinity;
  for (const chosen of pictures) {
    let last = all.at(-1);
    if (!last || last.length === MOST_PICTURES || bytes + chosen.file.size > MOST_BYTES) {
      all.push((last = []));
      bytes = 0;
    }
    last.push(chosen);
    bytes += chosen.file.size;
  }
  return all;
}

/** The folder that all have in common, or the first one's name and how many there are beside it. @param {Chosen[]} group */
function nameOf(group) {
  const first = group[0]?.path ?? "";
  const folder = first.split("/").slice(0, -1);
  while (folder.length > 0 && !group.every(({ path }) => path.startsWith(`${folder.join("/")}/`))) folder.pop();
  if (folder.length > 0) return folder.join("/");
  return group.length > 1 ? `${first} + ${group.length - 1}` : first;
}

/** The first host, and how many others there are. @param {string[]} urls */
function hostsOf(urls) {
  const hosts = new Set(urls.map((url) => new URL(url).host));
  return [...hosts].slice(0, 1).concat(hosts.size > 1 ? [String(hosts.size - 1)] : []).join(" + ");
}

/**
 * Sends a part.
 * @param {Part} part
 * @param {Record<string, string>} options
 * @param {{ signal: AbortSignal, onProgress: (share: number) => void }} listening
 * @returns {Promise<import("./types.js").Accepted>}
 */
export function sendPart(part, options, { signal, onProgress }) {
  const headers = { "Idempotency-Key": part.key };
  if (part.urls) return json("jobs", { method: "POST", json: { urls: part.urls, ...options }, headers, signal });
  const body = new FormData();
  // The service reads fields in any order; small ones first are checked before the pictures are stored.
  for (const [name, value] of Object.entries(options)) body.append(name, value);
  if (part.zip) body.append("zip_file", part.zip.file, safeName(part.zip.path));
  for (const { file, path } of part.pictures ?? []) body.append("images", file, safeName(path));
  return upload("jobs", { body, headers, signal, onProgress });
}

/** A name that the service takes: control characters, also those that forms write as %0A and %0D, become underscores. @param {string} path */
const safeName = (path) => path.replace(/[\u0000-\u001f\u007f-\u009f]|%0[ad]/gi, "_");
