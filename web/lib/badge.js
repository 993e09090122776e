// A word with a level, such as a status.
import { el } from "./dom.js";

/** @typedef {"good" | "warning" | "bad" | "plain"} Level */

/** @param {string} text @param {Level} level @param {Record<string, string>} [data] */
export const badge = (text, level, data = {}) => el("span", { class: `badge ${level}`, data }, text);
