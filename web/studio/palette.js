// The palette: how much of the picture each colour stands for, and a swatch to copy for each.
import { copy } from "../lib/copy.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { formatPercent, t } from "../lib/texts.js";
import { createChoice } from "./choice.js";
import { colorText, FORMATS, properties } from "./color.js";
import { showCopied } from "./copied.js";
import { chosen, createSwatches } from "./swatches.js";

/** @typedef {import("./swatches.js").Item} Item */

const LONGEST_ROW = 10;

/** @returns {import("./types.js").Panel} */
export function createPalette() {
  const [title, hint] = [uniqueId("palette"), uniqueId("palette-hint")];
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const swatches = createSwatches({ label: t("studio.palette.title"), className: "palette", describedBy: hint });
  const formats = createChoice({
    label: t("studio.palette.format"),
    values: /** @type {import("./color.js").Format[]} */ (Object.keys(FORMATS)),
    text: (format) => t(`studio.palette.formats.${format}`),
    value: chosen.current,
    onChange: (format) => void (chosen.current = format),
  });
  /** @type {Item[]} */
  let items = [];
  const all = el("button", { type: "button", class: "copy-all", onclick: async () => {
    if (await copy(items.map((item) => colorText(item, chosen.current)).join("\n"))) showCopied(all);
  } }, t("studio.palette.copyAll"));
  const element = el(
    "section",
    { class: "panel palette-panel", "aria-labelledby": title },
    el("div", { class: "panel-head" }, el("h3", { id: title }, t("studio.palette.title")), formats.element, all),
    strip,
    swatches.element,
    keys(hint),
  );
  return {
    element,
    show({ result: { colors } }) {
      const names = properties(colors.map(({ name }) => name));
      items = colors.map((color, index) => ({
        ...color,
        property: names[index] ?? "",
        english: /** @type {const} */ ("name"),
        note: color.derived ? t("studio.palette.derived") : formatPercent(color.share, 1),
      }));
      fill(strip, colors.filter(({ derived }) => !derived).map(({ hex, share }) => el("span", { style: { "background-color": hex, "flex-grow": String(share) } })));
      // Rows of the same length: ten colours at most, or half as many where there is less room.
      const row = Math.ceil(colors.length / Math.ceil(colors.length / LONGEST_ROW));
      swatches.element.style.setProperty("--row", String(row));
      swatches.element.style.setProperty("--half-row", String(Math.ceil(row / 2)));
      swatches.show(items);
    },
  };
}

/** What the keys do, in words. @param {string} id */
function keys(id) {
  const key = (/** @type {string} */ name, /** @type {string} */ text) => el("span", { class: "key" }, el("kbd", {}, name), " ", text, " ");
  return el(
    "p",
    { id, class: "hint keys" },
    key("← →", t("studio.palette.keys.move")),
    key("C", t("studio.palette.keys.copy")),
    ...Object.entries(FORMATS).map(([format, name]) => key(name.toUpperCase(), t(`studio.palette.formats.${format}`))),
  );
}
