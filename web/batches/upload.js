// Sends a large body and reports how much of it has left the browser, which `fetch` cannot. Errors are those of `lib/api.js`.
import { errorOf, networkError, url } from "../lib/api.js";
import { key } from "../lib/session.js";

/**
 * @typedef {object} UploadOptions
 * @property {FormData | Blob} body
 * @property {Record<string, string>} [headers]
 * @property {(share: number) => void} [onProgress] from 0 to 1; at 1 the service works on its answer
 * @property {AbortSignal} [signal]
 * @property {import("../lib/session.js").KeyName} [as] whose key to send (the user's)
 */

/**
 * Posts a body and reads the JSON of the answer.
 * @template [T=any]
 * @param {string} path
 * @param {UploadOptions} options
 * @returns {Promise<T>}
 */
export function upload(path, { body, headers = {}, onProgress, signal, as = "user" }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return void reject(aborted());
    const request = new XMLHttpRequest();
    request.open("POST", url(path));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const secret = key(as);
    if (secret) request.setRequestHeader("Authorization", `Bearer ${secret}`);
    request.upload.onprogress = ({ loaded, total, lengthComputable }) => {
      if (lengthComputable && total > 0) onProgress?.(loaded / total);
    };
    const abort = () => request.abort();
    signal?.addEventListener("abort", abort);
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.onabort = () => reject(aborted());
    request.onerror = () => reject(networkError());
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300 && answer) resolve(answer);
      else reject(errorOf(request.status, answer ?? {}, (name) => request.getResponseHeader(name)));
    };
    request.send(body);
  });
}

const aborted = () => new DOMException("The upload was canceled.", "AbortError");

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
