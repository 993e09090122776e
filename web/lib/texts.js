// The page's texts, one file for each language. A text is found by its path ("studio.drop.title"); `{name}` in it is
// replaced, and a text that depends on a number has a form for each plural category of its language.
import { store, stored } from "./session.js";

/** The languages, by the name that each calls itself. */
export const LANGUAGES = { en: "English", de: "Deutsch", it: "Italiano" };

/** @typedef {keyof typeof LANGUAGES} Language */
/** @typedef {string | { [key: string]: Texts }} Texts */

/** @type {Texts} */
let texts = {};
/** @type {Language} */
let current = "en";

/** @param {string} tag @returns {tag is Language} */
const isKnown = (tag) => Object.hasOwn(LANGUAGES, tag);

/** The language that was chosen, or else the first of the browser's that the page has. @returns {Language} */
function preferred() {
  const chosen = stored("language", "");
  const wanted = [chosen, ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())];
  return wanted.find(isKnown) ?? "en";
}

/** Loads the texts of the preferred language. */
export async function loadTexts() {
  current = preferred();
  const response = await fetch(new URL(`../texts/${current}.json`, import.meta.url));
  texts = await response.json();
  document.documentElement.lang = current;
}

/** The language of the page. */
export const language = () => current;

/** Keeps the choice of a language for the next `loadTexts`. @param {string} tag */
export const chooseLanguage = (tag) => store("language", tag);

/**
 * The text with this path. `count` chooses the plural form.
 * @param {string} path
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(path, values = {}) {
  /** @type {Texts | undefined} */
  let found = texts;
  for (const part of path.split(".")) found = typeof found === "object" ? found[part] : undefined;
  if (typeof found === "object" && typeof values.count === "number") {
    found = found[new Intl.PluralRules(current).select(values.count)] ?? found.other;
  }
  if (typeof found !== "string") {
    // A page without one of its texts is better than no page; tests fail on any error in the console.
    console.error(`there is no text ${path}`);
    return path;
  }
  return found.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? formatNumber(value) : (value ?? "");
  });
}

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const formatNumber = (value, options) => new Intl.NumberFormat(current, options).format(value);

/** @param {number} share from 0 to 1 @param {number} [digits] */
export const formatPercent = (share, digits = 0) =>
  formatNumber(share, { style: "percent", maximumFractionDigits: digits });

/** @param {number} seconds Unix time */
export const formatTime = (seconds) =>
  new Intl.DateTimeFormat(current, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);

/** A number of seconds in the largest unit that fits at least once. @param {number} seconds */
export function formatDuration(seconds) {
  const units = /** @type {const} */ ([["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]]);
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["second", 1];
  return formatNumber(Math.floor(Math.max(0, seconds) / size), { style: "unit", unit, unitDisplay: "long" });
}

/** A number of bytes in decimal units, as the settings have them: 1 GB is 1,000,000,000. @param {number} bytes */
export function formatBytes(bytes) {
  const units = /** @type {const} */ ([["terabyte", 1e12], ["gigabyte", 1e9], ["megabyte", 1e6], ["kilobyte", 1e3]]);
  const [unit, size] = units.find(([, size]) => bytes >= size) ?? ["byte", 1];
  return formatNumber(bytes / size, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 });
}
