// The lines that do with curl what the page does: palette and crop, and the chosen card.
import { el, uniqueId } from "../lib/dom.js";
import { stem } from "../lib/names.js";
import { key } from "../lib/session.js";
import { t } from "../lib/texts.js";
import { curlLine } from "./curl.js";
import { createLine } from "./line.js";
import { analysisFields, cardFields, extensionOf } from "./options.js";

/** @returns {import("./types.js").Panel} */
export function createCommands() {
  const title = uniqueId("commands");
  const analysis = createLine(t("studio.line.analysis"));
  const card = createLine(t("studio.line.card"));
  /** @type {import("./types.js").Shown | null} */
  let shown = null;
  const write = () => {
    if (!shown) return;
    const { picture, options } = shown;
    const hasKey = key("user") !== null;
    const output = `${stem(picture.file.name)}-${options.card}.${extensionOf(options.format)}`;
    analysis.set(curlLine(picture, analysisFields(options), { hasKey }));
    card.set(curlLine(picture, cardFields(options, options.card), { hasKey, accept: "image/*", output }));
  };
  const onKey = () => write();
  return {
    element: el("section", { class: "panel commands-panel", "aria-labelledby": title }, el("h3", { id: title }, t("studio.line.title")), analysis.element, card.element),
    show(next) {
      shown = next;
      write();
      window.addEventListener("huemill:key", onKey);
    },
    clear() {
      shown = null;
      window.removeEventListener("huemill:key", onKey);
    },
  };
}
