// Asks for a key. It is kept for the session of this tab alone.
import { el, uniqueId } from "./dom.js";
import { key, setKey } from "./session.js";
import { t } from "./texts.js";

/** What a header can carry, also where spaces around it were copied. */
const KEY = "\\s*[!-~]([ -~]*[!-~])?\\s*";

/**
 * Shows a dialog that asks for a key, and tells whether one was entered.
 * @param {import("./session.js").KeyName} name
 * @returns {Promise<boolean>}
 */
export function askForKey(name) {
  return new Promise((resolve) => {
    const [field, title, hint] = [uniqueId("key"), uniqueId("key-title"), uniqueId("key-hint")];
    const input = el("input", { id: field, type: "password", autocomplete: "off", spellcheck: "false", required: true, pattern: KEY, title: t(`key.${name}.label`), "aria-describedby": hint });
    const forget = key(name)
      ? el("button", { type: "button", onclick: () => { setKey(name, null); dialog.close(); } }, t("key.forget"))
      : null;
    let isEntered = false;
    const enter = () => {
      isEntered = true;
      setKey(name, input.value.trim());
    };
    const form = el(
      "form",
      { method: "dialog", onsubmit: enter },
      el("h2", { id: title }, t(`key.${name}.title`)),
      el("label", { for: field }, t(`key.${name}.label`)),
      input,
      el("p", { id: hint, class: "hint" }, t("key.hint")),
      el(
        "div",
        { class: "actions" },
        el("button", { type: "submit", class: "primary" }, t("key.use")),
        forget,
        el("button", { type: "button", onclick: () => dialog.close() }, t("key.cancel")),
      ),
    );
    const dialog = el("dialog", { class: "key-dialog", "aria-labelledby": title }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isEntered);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
