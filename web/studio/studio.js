// The Studio view.
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @returns {import("../app.js").View} */
export function createView() {
  return { element: el("section", { class: "studio" }, el("h1", {}, t("studio.title"))) };
}
