// The Studio's requests. Each takes a signal that ends it.
import { ApiError, json, send } from "../lib/api.js";
import { answered, isAsked, joined } from "./answers.js";
import { cardFields, paletteFields } from "./options.js";

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

/** @param {Record<string, string>} fields */
const nameOf = (fields) => `process ${JSON.stringify(fields)}`;

/**
 * What is found in a picture, and its card. One answer has both, so a picture is sent once for the palette, the crop and the
 * card that is shown in it.
 * @param {File} file @param {Record<string, string>} fields @param {AbortSignal} signal
 * @returns {Promise<{ result: Result, card: Blob }>}
 */
const process = (file, fields, signal) =>
  answered(file, nameOf(fields), async (ends) => {
    /** @type {Result} */
    const { social_image, ...result } = await json("process", { method: "POST", body: form(file, fields), signal: ends });
    const card = blobOf(social_image ?? "data:,");
    // The card is kept as bytes alone.
    return { answer: { result: { ...result, social_image: null }, card }, bytes: card.size };
  }, signal);

/** Palette and crop, with the card that the options choose. @param {File} file @param {Options} options @param {AbortSignal} signal */
export const analyze = async (file, options, signal) => (await process(file, cardFields(options, options.card), signal)).result;

/** A card and the part of the picture that it shows. @param {File} file @param {Options} options @param {CardKind} kind @param {AbortSignal} signal */
export async function card(file, options, kind, signal) {
  const { result, card } = await process(file, cardFields(options, kind), signal);
  return { blob: card, part: result.card_crop };
}

/** Whether a card is there or on its way. @param {File} file @param {Options} options @param {CardKind} kind */
export const isCardAsked = (file, options, kind) => isAsked(file, nameOf(cardFields(options, kind)));

/**
 * The whole picture as the service reads it, for browsers that cannot show the file.
 * @param {File} file @param {Result["source"]} source @param {AbortSignal} signal
 */
export async function wholePicture(file, { width, height }, signal) {
  const longest = Math.max(width, height);
  const side = (/** @type {number} */ pixels) => Math.max(0.01, (100 * pixels) / longest).toFixed(2);
  const fields = { card: "crop", aspect: `${side(width)}:${side(height)}`, focus: "0.5,0.5", format: "jpeg" };
  const { result, card } = await process(file, fields, signal);
  return { blob: card, part: result.crop };
}

/** A palette as a file. @param {File} file @param {Options} options @param {import("../lib/exports.js").ExportName} name @param {AbortSignal} signal @returns {Promise<Blob>} */
export function exported(file, options, name, signal) {
  const fields = paletteFields(options);
  return answered(file, `export ${name} ${JSON.stringify(fields)}`, async (ends) => {
    const response = await send(`process?export=${name}`, { method: "POST", body: form(file, fields), signal: ends });
    const answer = await response.blob();
    return { answer, bytes: answer.size };
  }, signal);
}

/** Downloads a picture through the service. It is not kept: it may be another one the next time. @param {string} address @param {AbortSignal} signal @returns {Promise<File>} */
export const fetchPicture = (address, signal) =>
  joined(`download ${address}`, async (ends) => {
    /** @type {import("./types.js").FetchedPicture} */
    const { image, content_type } = await json("fetch_url", { method: "POST", json: { url: address }, signal: ends });
    return new File([blobOf(image)], fileName(address, content_type), { type: content_type });
  }, signal);

/** @param {string} address @param {string} type */
function fileName(address, type) {
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
