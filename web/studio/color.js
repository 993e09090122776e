// Colours as text, and their contrast.

/** @typedef {import("./types.js").Rgb} Rgb */

/** The formats in which colours are copied, each with the key that copies it. */
export const FORMATS = /** @type {const} */ ({ hex: "h", rgb: "r", oklch: "o", css: "v" });

/** @typedef {keyof typeof FORMATS} Format */

/** A colour that can be copied. @typedef {{ hex: string, property: string, oklch?: { l: number, c: number, h: number } }} Color */

/** @param {string} hex @returns {Rgb} */
export function rgbOf(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {Color} color @param {Format} format */
export function colorText({ hex, property, oklch }, format) {
  if (format === "rgb") return `rgb(${rgbOf(hex).join(" ")})`;
  if (format === "oklch") {
    const { l, c, h } = oklch ?? oklchOf(hex);
    return `oklch(${trim(l * 100, 2)}% ${trim(c, 4)} ${trim(h, 1)})`;
  }
  return format === "css" ? `${property}: ${hex};` : hex;
}

/** @param {number} value @param {number} digits */
const trim = (value, digits) => String(Number(value.toFixed(digits)));

/** @param {number} byte */
function linear(byte) {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

/** Björn Ottosson's Oklab, as polar coordinates. @param {string} hex */
export function oklchOf(hex) {
  const [r, g, b] = /** @type {Rgb} */ (rgbOf(hex).map(linear));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const a = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const blue = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  const chroma = Math.hypot(a, blue);
  const hue = chroma < 0.0001 ? 0 : (Math.atan2(blue, a) * 180) / Math.PI;
  return { l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, c: chroma, h: (hue + 360) % 360 };
}

/** @param {string} hex */
function luminance(hex) {
  const [r, g, b] = /** @type {Rgb} */ (rgbOf(hex).map(linear));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast ratio of WCAG, from 1 to 21. @param {string} one @param {string} other */
export function contrast(one, other) {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Black or white, whichever is read better on a colour. @param {string} hex */
export const textOn = (hex) => (contrast(hex, "#000000") >= contrast(hex, "#ffffff") ? "#000000" : "#ffffff");

/**
 * The CSS properties that the exports of the service give to colours with these names: hyphens, and numbers where a name
 * returns.
 * @param {string[]} names
 */
export function properties(names) {
  /** @type {string[]} */
  const ids = [];
  for (const name of names) {
    const base = name.toLowerCase().replaceAll("'", "").replace(/[^a-z0-9]+/g, "-").replace(/^[-\d]+|-+$/g, "") || "color";
    let id = base;
    for (let number = 2; ids.includes(id); number++) id = `${base}-${number}`;
    ids.push(id);
  }
  return ids.map((id) => `--color-${id}`);
}
