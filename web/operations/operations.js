// The Operations view.
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @returns {import("../app.js").View} */
export function createView() {
  return { element: el("section", { class: "operations" }, el("h1", {}, t("operations.title"))) };
}
