// The options of a picture: their defaults, and which of them a request bears. An option that has no effect is refused by
// the service, so none is ever sent.

/** @typedef {{ x: number, y: number }} Point each from 0 to 1 */

/**
 * @typedef {object} Options
 * @property {number} colors
 * @property {"balanced" | "classic"} palette
 * @property {string} aspect
 * @property {"subject" | "classic"} crop
 * @property {Point | null} focus
 * @property {boolean} faces
 * @property {CardKind} card the card whose part is drawn on the picture
 * @property {"light" | "dark" | "auto"} theme
 * @property {"png" | "jpeg" | "webp"} format
 * @property {number} quality
 */

/** @typedef {"palette" | "og" | "square" | "portrait" | "story" | "crop"} CardKind */
/** @typedef {Record<string, string>} Fields */

/** @type {Readonly<Options>} */
export const DEFAULTS = {
  colors: 10,
  palette: "balanced",
  aspect: "3:2",
  crop: "subject",
  focus: null,
  faces: true,
  card: "palette",
  theme: "light",
  format: "png",
  quality: 85,
};

/** The kinds of cards, in the order in which they are shown. @type {CardKind[]} */
export const CARD_KINDS = ["palette", "og", "square", "portrait", "story", "crop"];

/** @type {Record<Exclude<CardKind, "crop">, [number, number]>} */
const SIZES = { palette: [1096, 736], og: [1200, 630], square: [1080, 1080], portrait: [1080, 1350], story: [1080, 1920] };

const CROP_WIDTH = 1080;
const MAX_SIDE = 2048;

/** The width and height of a card in pixels. @param {CardKind} kind @param {string} aspect @returns {[number, number]} */
export function cardSize(kind, aspect) {
  if (kind !== "crop") return SIZES[kind];
  const ratio = ratioOf(aspect) ?? 1.5;
  const width = Math.min(CROP_WIDTH, MAX_SIDE * ratio);
  return [Math.round(width), Math.max(1, Math.round(width / ratio))];
}

/** Width by height of an aspect, or null where the service would refuse it. @param {string} aspect */
export function ratioOf(aspect) {
  const [, width = "", height = ""] = /^(\d+(?:\.\d{1,2})?):(\d+(?:\.\d{1,2})?)$/.exec(aspect) ?? [];
  const [across, down] = [Number(width), Number(height)];
  return across > 0 && down > 0 && across <= 100 && down <= 100 ? across / down : null;
}

/** @param {string} format a format of cards, or its media type */
export const extensionOf = (format) => format.replace("image/", "").replace("jpeg", "jpg");

/** @param {Options} options @param {(keyof Options)[]} names @returns {Fields} those that differ from the defaults */
function changed(options, names) {
  /** @type {Fields} */
  const fields = {};
  for (const name of names) {
    const value = options[name];
    if (value === DEFAULTS[name] || value === null) continue;
    fields[name] = typeof value === "object" ? focusText(value) : typeof value === "boolean" ? (value ? "on" : "off") : String(value);
  }
  return fields;
}

/** @param {Point} point */
export const focusText = ({ x, y }) => `${round(x)},${round(y)}`;

/** @param {number} value */
const round = (value) => Math.round(value * 1000) / 1000;

/** What decides the palette; exports bear these alone. @param {Options} options */
export const paletteFields = (options) => changed(options, ["colors", "palette"]);

/** What decides where crops are placed. @param {Options} options */
function placeFields(options) {
  if (options.focus) return changed(options, ["focus"]);
  return changed(options, options.crop === "classic" ? ["crop"] : ["faces"]);
}

/** What decides palette and crop, without a card. @param {Options} options @returns {Fields} */
export const analysisFields = (options) => ({
  ...paletteFields(options),
  ...changed(options, ["aspect"]),
  ...placeFields(options),
  card: "none",
});

/** What decides a card. @param {Options} options @param {CardKind} kind @returns {Fields} */
export function cardFields(options, kind) {
  return {
    ...paletteFields(options),
    ...changed(options, ["aspect"]),
    ...placeFields(options),
    ...(kind === DEFAULTS.card ? {} : { card: kind }),
    ...(kind === "crop" ? {} : changed(options, ["theme"])),
    ...changed(options, options.format === "jpeg" ? ["format", "quality"] : ["format"]),
  };
}
