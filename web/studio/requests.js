// The Studio's requests. Each takes a signal that ends it.
import { ApiError, json, send } from "../lib/api.js";
import { analysisFields, cardFields, paletteFields } from "./options.js";

/** @typedef {import("./options.js").Options} Options */
/** @typedef {import("./options.js").CardKind} CardKind */
/** @typedef {import("./types.js").Result} Result */

/** Whether the same request may succeed when it is sent again, or with a key. @param {unknown} error */
export const isWorthRetrying = (error) => !(error instanceof ApiError) || error.isTemporary || error.wantsKey || [408, 500].includes(error.status);

/** @param {File} file @param {Record<string, string>} fields */
function form(file, fields) {
  const data = new FormData();
  // Options first: what is refused is refused before the picture is sent.
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append("image", file, file.name);
  return data;
}

/** @param {File} file @param {Record<string, string>} fields @param {AbortSignal} signal @returns {Promise<Result>} */
const process = (file, fields, signal) => json("process", { method: "POST", body: form(file, fields), signal });

/** Palette and crop. @param {File} file @param {Options} options @param {AbortSignal} signal */
export const analyze = (file, options, signal) => process(file, analysisFields(options), signal);

/** A card. @param {File} file @param {Options} options @param {CardKind} kind @param {AbortSignal} signal */
export async function card(file, options, kind, signal) {
  const body = form(file, cardFields(options, kind));
  const response = await send("process", { method: "POST", body, headers: { Accept: "image/*" }, signal });
  return { blob: await response.blob(), part: null };
}

/** A card and the part of the picture that it shows. @param {File} file @param {Options} options @param {CardKind} kind @param {AbortSignal} signal */
export async function cardWithPart(file, options, kind, signal) {
  const { social_image, card_crop } = await process(file, cardFields(options, kind), signal);
  return { blob: blobOf(social_image ?? ""), part: card_crop };
}

/**
 * The whole picture as the service reads it, for browsers that cannot show the file.
 * @param {File} file @param {Result["source"]} source @param {AbortSignal} signal
 */
export async function wholePicture(file, { width, height }, signal) {
  const longest = Math.max(width, height);
  const side = (/** @type {number} */ pixels) => Math.max(0.01, (100 * pixels) / longest).toFixed(2);
  const fields = { card: "crop", aspect: `${side(width)}:${side(height)}`, focus: "0.5,0.5", format: "jpeg" };
  const { social_image, crop } = await process(file, fields, signal);
  return { blob: blobOf(social_image ?? ""), part: crop };
}

/** A palette as a file. @param {File} file @param {Options} options @param {import("../lib/exports.js").ExportName} name @param {AbortSignal} signal */
export async function exported(file, options, name, signal) {
  const body = form(file, paletteFields(options));
  const response = await send(`process?export=${name}`, { method: "POST", body, signal });
  return response.blob();
}

/** Downloads a picture through the service. @param {string} address @param {AbortSignal} signal @returns {Promise<File>} */
export async function fetchPicture(address, signal) {
  /** @type {import("./types.js").FetchedPicture} */
  const { image, content_type } = await json("fetch_url", { method: "POST", json: { url: address }, signal });
  return new File([blobOf(image)], nameOf(address, content_type), { type: content_type });
}

/** @param {string} address @param {string} type */
function nameOf(address, type) {
  const extension = type.replace(/^image\/(x-)?/, "").replace("jpeg", "jpg");
  const last = new URL(address).pathname.split("/").filter(Boolean).pop() ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // A path may have a per cent sign that stands for itself.
  }
  if (!name) return `${new URL(address).hostname}.${extension}`;
  return /\.\w{2,5}$/.test(name) ? name : `${name}.${extension}`;
}

/** The bytes of a data: URL; the policy allows no request for it. @param {string} address */
export function blobOf(address) {
  const comma = address.indexOf(",");
  const [type = ""] = address.slice("data:".length, comma).split(";");
  const binary = atob(address.slice(comma + 1));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return new Blob([bytes], { type });
}
