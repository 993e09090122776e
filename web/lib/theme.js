// Light, dark, or what the system says.
import { store, stored } from "./session.js";

/** The themes, in the order in which the button goes through them. */
export const THEMES = /** @type {const} */ (["system", "light", "dark"]);

/** @typedef {(typeof THEMES)[number]} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = stored("theme", "system");
  return THEMES.find((name) => name === chosen) ?? "system";
}

/** Applies a theme and keeps it. @param {Theme} name */
export function setTheme(name) {
  store("theme", name);
  applyTheme();
}

/** Applies the theme that was chosen. */
export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}
