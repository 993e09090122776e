// A command line with a button that copies it.
import { copy } from "../lib/copy.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { showCopied } from "./copied.js";

/** @param {string} label */
export function createLine(label) {
  const code = el("code", {});
  const button = el("button", { type: "button", class: "small", "aria-label": t("studio.line.copy", { label }) }, t("copy.copy"));
  button.addEventListener("click", async () => {
    if (await copy(code.textContent ?? "")) showCopied(button);
  });
  return {
    element: el("div", { class: "command" }, el("div", { class: "command-head" }, el("span", { class: "label" }, label), button), el("pre", { tabindex: "0", role: "region", "aria-label": label }, code)),
    /** @param {string} text */
    set: (text) => void (code.textContent = text),
  };
}
