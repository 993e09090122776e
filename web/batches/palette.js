// The colours of a picture as a strip of buttons that copy. The strips of a grid share their listeners.
import { el } from "../lib/dom.js";
import { listenToSwatches } from "../lib/swatches.js";
import { t } from "../lib/texts.js";

/** @typedef {import("./types.js").Swatch} Swatch */

/** @param {Swatch[]} colors @param {string} name of the picture */
export const paletteStrip = (colors, name) =>
  el(
    "div",
    { class: "strip", role: "toolbar", "aria-label": t("batches.tile.palette", { name }) },
    ...colors.map((color, at) =>
      el("button", {
        type: "button",
        class: "swatch",
        tabindex: at === 0 ? 0 : -1,
        title: `${color.name} ${color.hex}`,
        "aria-label": t("batches.tile.swatch", { name: color.name, hex: color.hex }),
        data: { hex: color.hex },
        style: { "background-color": color.hex, color: color.text },
      }),
    ),
  );

/** @param {HTMLElement} grid that contains strips @param {AbortSignal} signal */
export function listenToStrips(grid, signal) {
  const textOf = (/** @type {HTMLElement} */ { dataset }, /** @type {string | null} */ key) => (key === null || key === "c" ? (dataset.hex ?? null) : null);
  listenToSwatches(grid, { textOf, onCopied: showCopied }, signal);
}

/** @param {HTMLElement} swatch */
function showCopied(swatch) {
  swatch.classList.add("copied");
  setTimeout(() => swatch.classList.remove("copied"), 1_200);
}
