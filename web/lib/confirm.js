// Asks before something is done that people may not want.
import { el, uniqueId } from "./dom.js";
import { t } from "./texts.js";

/**
 * Shows a dialog, and tells whether the action was chosen. The focus begins on the button that changes nothing.
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.text
 * @param {string} question.action what will be done
 * @param {string} [question.keep] what the other button says
 * @param {boolean} [question.isSafe] whether the action can be undone
 * @param {HTMLElement} [question.field] what else to answer
 * @param {AbortSignal} [signal] closes the dialog, as if nothing was chosen
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, action, keep = t("confirm.back"), isSafe = false, field }, signal) {
  return new Promise((resolve) => {
    const [heading, description] = [uniqueId("confirm-title"), uniqueId("confirm-text")];
    let isChosen = false;
    const keepButton = el("button", { type: "button", onclick: () => dialog.close() }, keep);
    const form = el(
      "form",
      { method: "dialog", onsubmit: () => { isChosen = true; } },
      el("h2", { id: heading }, title),
      el("p", { id: description }, text),
      field,
      el("div", { class: "actions" }, el("button", { type: "submit", class: isSafe ? "primary" : "danger", data: { action: "confirm" } }, action), keepButton),
    );
    const dialog = el("dialog", { class: "confirm", role: "alertdialog", "aria-labelledby": heading, "aria-describedby": description }, form);
    const close = () => dialog.close();
    signal?.addEventListener("abort", close);
    dialog.addEventListener("close", () => {
      signal?.removeEventListener("abort", close);
      dialog.remove();
      resolve(isChosen);
    });
    document.body.append(dialog);
    dialog.showModal();
    keepButton.focus();
  });
}
