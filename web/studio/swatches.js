// A row of swatches: one stop of the Tab key, arrow keys between them, and keys that copy.
import { copy } from "../lib/copy.js";
import { el, fill } from "../lib/dom.js";
import { colorText, FORMATS, textOn } from "./color.js";
import { showCopied } from "./copied.js";

/** @typedef {import("./color.js").Format} Format */
/**
 * A colour, what it is called, and what is said of it. The service's names of colours are English in every language.
 * @typedef {import("./color.js").Color & { name: string, note?: string, english?: "name" | "note" }} Item
 */

/** Which format a click copies; all rows of the view share it. @type {{ current: Format }} */
export const chosen = { current: "hex" };

/** @param {string} key @returns {number | null} how far a key goes */
const step = (key) => ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 })[key] ?? null;

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
  /** @type {{ button: HTMLButtonElement, item: Item }[]} */
  let entries = [];
  const reach = (/** @type {number} */ index) => {
    for (const [at, { button }] of entries.entries()) button.tabIndex = at === index ? 0 : -1;
  };
  const current = () => entries.findIndex(({ button }) => button === document.activeElement);
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [index, by] = [current(), step(event.key)];
    const entry = entries[index];
    if (!entry) return;
    const ends = event.key === "Home" ? 0 : event.key === "End" ? entries.length - 1 : null;
    const format = formatOf(event.key.toLowerCase());
    if (by !== null || ends !== null) {
      const target = ends ?? (index + (by ?? 0) + entries.length) % entries.length;
      reach(target);
      entries[target]?.button.focus();
    } else if (format) {
      void copySwatch(entry, format);
    } else {
      return;
    }
    event.preventDefault();
  });
  return {
    element,
    /** Shows colours; the keyboard stays where it is. @param {Item[]} items */
    show(items) {
      const focused = current();
      entries = items.map((item) => ({ item, button: swatch(item) }));
      for (const [index, entry] of entries.entries()) {
        entry.button.addEventListener("click", () => { reach(index); void copySwatch(entry, chosen.current); });
      }
      fill(element, entries.map(({ button }) => button));
      const at = Math.min(Math.max(0, focused), entries.length - 1);
      reach(at);
      if (focused >= 0) entries[at]?.button.focus();
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

/** @param {{ button: HTMLButtonElement, item: Item }} entry @param {Format} format */
async function copySwatch({ button, item }, format) {
  const value = button.querySelector(".swatch-hex");
  if (!(await copy(colorText(item, format))) || !value) return;
  button.classList.add("copied");
  showCopied(value, () => button.classList.remove("copied"));
}
