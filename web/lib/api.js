// The page's client of the service. Paths are relative to the page, so that it works behind a path prefix. An error is an
// `ApiError`, also where no answer came.
import { key } from "./session.js";
import { t } from "./texts.js";

/** The folder that the page is in: a document that is named `docs` has the same as the page itself. */
const base = new URL("./", document.baseURI);

/** The address of a path of the service. @param {string} path without a slash in front */
export const url = (path) => new URL(path, base);

/**
 * The path of a job, or of what is below it. The id may come from the page's address, which anyone can write: what
 * cannot be one is no part of any path.
 * @param {string} id
 * @param {string} [rest] with a slash or a question mark in front
 */
export const jobPath = (id, rest = "") => `jobs/${/^\w+$/.test(id) ? id : "unknown"}${rest}`;

/**
 * A link of an answer as an address on the page's own origin: the service may know itself by another name.
 * @param {string} link
 */
export function ownUrl(link) {
  const { pathname, search } = new URL(link, base);
  // What is in front is the prefix under which the service knows itself.
  return url(pathname.replace(/^.*\/(?=(links|jobs)\/)/, "") + search);
}

/** What went wrong, in words for the person in front of the page (`message`) and for whoever wrote it (`detail`). */
export class ApiError extends Error {
  /**
   * @param {{ status: number, code: string, message: string, detail?: string, requestId?: string, retryAfter?: number, scope?: string }} fields
   */
  constructor(fields) {
    super(fields.message);
    this.name = "ApiError";
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail ?? "";
    this.requestId = fields.requestId ?? "";
    this.retryAfter = fields.retryAfter ?? null;
  }

  /** Whether another or any key could help. A 401 for a signature is not about keys. */
  get wantsKey() {
    return this.code === "UNAUTHORIZED" || this.code === "FORBIDDEN";
  }

  /** Whether the same request may succeed later. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** The error where no answer came. */
export const networkError = () => new ApiError({ status: 0, code: "NETWORK", message: t("error.network") });

/**
 * The error that an answer is.
 * @param {number} status
 * @param {Record<string, any>} body
 * @param {(name: string) => string | null} header
 */
export function errorOf(status, body, header) {
  const retryAfter = Number(header("Retry-After"));
  return new ApiError({
    status,
    code: body.error_code ?? "UNKNOWN",
    message: body.user_message ?? t("error.unknown", { status: String(status) }),
    detail: body.detail,
    requestId: body.request_id ?? header("X-Request-Id") ?? "",
    retryAfter: retryAfter > 0 ? retryAfter : undefined,
  });
}

/**
 * @typedef {object} RequestOptions
 * @property {string} [method]
 * @property {FormData | Blob | string | null} [body]
 * @property {unknown} [json] a body that is sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {import("./session.js").KeyName} [as] whose key to send (the user's)
 */

/**
 * Sends a request. Any status but 2xx and 304 is an `ApiError`; an abort is the browser's own `AbortError`.
 * @param {string | URL} path
 * @param {RequestOptions} [options]
 * @returns {Promise<Response>}
 */
export async function send(path, options = {}) {
  const headers = new Headers(options.headers);
  const secret = key(options.as ?? "user");
  if (secret) headers.set("Authorization", `Bearer ${secret}`);
  let body = options.body ?? null;
  if (options.json !== undefined) {
    headers.set("Content-Type", "application/json");
    body = JSON.stringify(options.json);
  }
  let response;
  try {
    response = await fetch(typeof path === "string" ? url(path) : path, {
      method: options.method ?? "GET",
      headers,
      body,
      signal: options.signal ?? null,
      credentials: "omit",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw networkError();
  }
  if (!response.ok && response.status !== 304) {
    throw errorOf(response.status, await response.json().catch(() => ({})), (name) => response.headers.get(name));
  }
  return response;
}

/**
 * Sends a request and reads the JSON of its answer.
 * @template [T=any]
 * @param {string | URL} path
 * @param {RequestOptions} [options]
 * @returns {Promise<T>}
 */
export async function json(path, options) {
  const response = await send(path, options);
  return response.json();
}

/** Hands something to the browser as a file to save. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the address after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
