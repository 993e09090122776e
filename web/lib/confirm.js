// Asks before something is done that cannot be undone.
import { el, uniqueId } from "./dom.js";

/**
 * Shows a dialog, and tells whether the action was chosen. The focus begins on the button that changes nothing.
 * @param {{ title: string, text: string, action: string, keep: string }} texts
 * @param {AbortSignal} [signal] closes the dialog, as if nothing was chosen
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, action, keep }, signal) {
  return new Promise((resolve) => {
    const [heading, description] = [uniqueId("confirm-title"), uniqueId("confirm-text")];
    let isChosen = false;
    const keepButton = el("button", { type: "button", onclick: () => dialog.close() }, keep);
    const actionButton = el("button", { type: "button", class: "danger", onclick: () => { isChosen = true; dialog.close(); } }, action);
    const dialog = el(
      "dialog",
      { class: "confirm", role: "alertdialog", "aria-labelledby": heading, "aria-describedby": description },
      el("h2", { id: heading }, title),
      el("p", { id: description }, text),
      el("div", { class: "actions" }, keepButton, actionButton),
    );
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
