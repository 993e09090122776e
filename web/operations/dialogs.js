// Asks before something is done that cannot be undone.
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/**
 * Shows a dialog with a question, and tells whether the answer was yes. The safe answer has the focus.
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.text
 * @param {string} question.yes what will be done
 * @param {boolean} [question.isSafe] whether it can be undone
 * @param {HTMLElement} [question.field] what else to answer
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, isSafe = false, field }) {
  return new Promise((resolve) => {
    const [heading, hint] = [uniqueId("confirm"), uniqueId("confirm-text")];
    let isConfirmed = false;
    const no = el("button", { type: "button", onclick: () => dialog.close() }, t("operations.no"));
    const form = el(
      "form",
      { method: "dialog", onsubmit: () => { isConfirmed = true; } },
      el("h2", { id: heading }, title),
      el("p", { id: hint }, text),
      field,
      el("div", { class: "actions" }, el("button", { type: "submit", class: isSafe ? "primary" : "danger", data: { action: "confirm" } }, yes), no),
    );
    const dialog = el("dialog", { class: "confirm", "aria-labelledby": heading, "aria-describedby": hint }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isConfirmed);
    });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
