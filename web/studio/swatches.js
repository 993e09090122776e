// A row of swatches with keys that copy in other formats than a click does.
import { el, fill } from "../lib/dom.js";
import { listenToSwatches, reach } from "../lib/swatches.js";
import { colorText, FORMATS, textOn } from "./color.js";
import { showCopied } from "./copied.js";

/** @typedef {import("./color.js").Format} Format */
/**
 * A colour, what it is called, and what is said of it. The service's names of colours are English in every language.
 * @typedef {import("./color.js").Color & { name: string, note?: string, english?: "name" | "note" }} Item
 */

/** Which format a click copies; all rows of the view share it. @type {{ current: Format }} */
export const chosen = { current: "hex" };

/** @param {string} key @returns {Format | null} */
function formatOf(key) {
  if (key === "c") return chosen.current;
  return /** @type {Format[]} */ (Object.keys(FORMATS)).find((format) => FORMATS[format] === key) ?? null;
}

/**
 * @param {{ label: string, className: string, describedBy?: string }} options
 */
export function createSwatches({ label, className, describedBy }) {
  const element = el("div", { class: `swatches ${className}`, role: "toolbar", "aria-label": label, "aria-describedby": describedBy ?? null });
  /** @type {Item[]} */
  let shown = [];
  const indexOf = (/** @type {Element | null} */ swatch) => [...element.children].findIndex((child) => child === swatch);
  const textOf = (/** @type {HTMLElement} */ button, /** @type {string | null} */ key) => {
    const [item, format] = [shown[indexOf(button)], key === null ? chosen.current : formatOf(key)];
    return item && format ? colorText(item, format) : null;
  };
  listenToSwatches(element, { textOf, onCopied });
  return {
    element,
    /** Shows colours; the keyboard stays where it is. @param {Item[]} items */
    show(items) {
      const focused = indexOf(document.activeElement);
      shown = items;
      const swatches = items.map(swatch);
      fill(element, swatches);
      const stop = swatches[Math.min(Math.max(0, focused), swatches.length - 1)];
      if (stop) reach(stop);
      if (focused >= 0) stop?.focus();
    },
  };
}

/** @param {Item} item */
function swatch({ hex, name, note, english }) {
  const lang = (/** @type {string} */ part) => (part === english ? "en" : null);
  return el(
    "button",
    { type: "button", class: "swatch", data: { hex } },
    el(
      "span",
      { class: "swatch-color", style: { "background-color": hex, color: textOn(hex) } },
      el("span", { class: "swatch-hex" }, hex),
    ),
    el("span", { class: "swatch-name", lang: lang("name") }, name),
    note ? el("span", { class: "swatch-note", lang: lang("note") }, note) : null,
  );
}

/** Says so in place of the colour's value. @param {HTMLElement} button */
function onCopied(button) {
  const value = button.querySelector(".swatch-hex");
  if (!value) return;
  button.classList.add("copied");
  showCopied(value, () => button.classList.remove("copied"));
}
