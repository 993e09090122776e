// Rows of colours to copy. A row is one stop of the Tab key; arrow keys, Home and End go on within it. One listener serves
// all rows of an element.
import { copy } from "./copy.js";

/**
 * @typedef {object} SwatchHandlers
 * @property {(swatch: HTMLElement, key: string | null) => string | null} textOf what a click copies, or a key; null where the key is not one that copies
 * @property {(swatch: HTMLElement) => void} onCopied
 */

/** Serves all elements with the class `swatch` in an element. @param {HTMLElement} element @param {SwatchHandlers} handlers @param {AbortSignal} [signal] */
export function listenToSwatches(element, { textOf, onCopied }, signal) {
  const copyText = async (/** @type {HTMLElement} */ swatch, /** @type {string | null} */ text) => {
    if (text !== null && (await copy(text))) onCopied(swatch);
  };
  element.addEventListener("click", (event) => {
    const swatch = swatchOf(event);
    if (!swatch) return;
    reach(swatch);
    void copyText(swatch, textOf(swatch, null));
  }, { signal });
  element.addEventListener("keydown", (event) => {
    const swatch = swatchOf(event);
    if (!swatch || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = neighbour(swatch, event.key);
    const text = textOf(swatch, event.key.toLowerCase());
    if (next instanceof HTMLElement) {
      reach(next);
      next.focus();
    } else if (text !== null) {
      void copyText(swatch, text);
    } else {
      return;
    }
    event.preventDefault();
  }, { signal });
}

/** Makes a swatch the one of its row that the Tab key stops at. @param {HTMLElement} swatch */
export function reach(swatch) {
  for (const each of swatch.parentElement?.children ?? []) /** @type {HTMLElement} */ (each).tabIndex = each === swatch ? 0 : -1;
}

/** @param {Event} event @returns {HTMLElement | null} */
const swatchOf = ({ target }) => (target instanceof Element ? target.closest(".swatch") : null);

/** The swatch that a key goes to. @param {HTMLElement} swatch @param {string} key */
function neighbour(swatch, key) {
  const row = swatch.parentElement;
  switch (key) {
    case "ArrowRight":
    case "ArrowDown": return swatch.nextElementSibling ?? row?.firstElementChild;
    case "ArrowLeft":
    case "ArrowUp": return swatch.previousElementSibling ?? row?.lastElementChild;
    case "Home": return row?.firstElementChild;
    case "End": return row?.lastElementChild;
    default: return null;
  }
}
