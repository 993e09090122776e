// A command line with a button that copies it.
import { copy } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @param {string} label */
export function createLine(label) {
  const code = el("code", {});
  const button = el("button", { type: "button", class: "small", "aria-label": t("studio.line.copy", { label }) }, t("copy.copy"));
  button.addEventListener("click", async () => {
    if (!(await copy(code.textContent ?? ""))) return;
    button.textContent = t("studio.palette.copied");
    setTimeout(() => void (button.textContent = t("copy.copy")), 1600);
  });
  return {
    element: el("div", { class: "command" }, el("div", { class: "command-head" }, el("span", { class: "label" }, label), button), el("pre", { tabindex: "0", role: "region", "aria-label": label }, code)),
    /** @param {string} text */
    set: (text) => void (code.textContent = text),
  };
}
