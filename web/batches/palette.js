// The colours of a picture as a strip of buttons that copy. One of them is a stop of the keyboard, arrow keys go on from
// there. The strips of a grid share one listener for each event.
import { copy } from "../lib/copy.js";
import { el } from "../lib/dom.js";
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
  grid.addEventListener("click", (event) => {
    const swatch = swatchOf(event);
    if (swatch?.dataset.hex) void copied(swatch, swatch.dataset.hex);
  }, { signal });
  grid.addEventListener("keydown", (event) => {
    const swatch = swatchOf(event);
    const next = swatch && neighbour(swatch, event.key);
    if (!swatch || !(next instanceof HTMLElement)) return;
    event.preventDefault();
    swatch.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }, { signal });
}

/** @param {Event} event @returns {HTMLElement | null} */
const swatchOf = ({ target }) => (target instanceof Element ? target.closest(".swatch") : null);

/** @param {HTMLElement} swatch @param {string} key */
function neighbour(swatch, key) {
  const all = swatch.parentElement;
  switch (key) {
    case "ArrowRight": return swatch.nextElementSibling ?? all?.firstElementChild;
    case "ArrowLeft": return swatch.previousElementSibling ?? all?.lastElementChild;
    case "Home": return all?.firstElementChild;
    case "End": return all?.lastElementChild;
    default: return null;
  }
}

/** @param {HTMLElement} swatch @param {string} hex */
async function copied(swatch, hex) {
  if (!(await copy(hex))) return;
  swatch.classList.add("is-copied");
  setTimeout(() => swatch.classList.remove("is-copied"), 1_200);
}
