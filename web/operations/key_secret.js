// Shows the secrets of a new key, once.
import { copy } from "../lib/copy.js";
import { announce } from "../lib/announce.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** A panel that is hidden until it has something to show. */
export function createSecret() {
  const element = el("section", { class: "secret panel", hidden: true });
  const forget = () => {
    fill(element);
    element.hidden = true;
  };
  return {
    element,
    forget,
    /** @param {import("./types.js").NewKey} key */
    show(key) {
      const heading = el("h3", { tabindex: -1 }, t("operations.keys.created", { name: key.name }));
      const done = el("button", { type: "button", data: { action: "saved" }, onclick: () => {
        forget();
        element.parentElement?.querySelector("summary")?.focus();
      } }, t("operations.keys.saved"));
      fill(
        element,
        heading,
        el("p", { class: "warning-text" }, t("operations.keys.once")),
        secretField(t("operations.keys.key"), key.key, "key"),
        secretField(t("operations.keys.webhook_secret"), key.webhook_secret, "webhook-secret"),
        el("div", { class: "actions" }, done),
      );
      element.hidden = false;
      announce(t("operations.keys.once"));
      heading.focus();
    },
  };
}

/** @param {string} label @param {string} value @param {string} name */
function secretField(label, value, name) {
  const id = uniqueId("secret");
  const input = el("input", { id, class: "mono", readonly: true, value, autocomplete: "off", spellcheck: "false", data: { secret: name }, onfocus: () => input.select() });
  // What is copied is not said aloud: `copy` would name it.
  const button = el("button", { type: "button", data: { action: `copy-${name}` }, onclick: () => void copy(value, label) }, t("copy.copy"));
  button.setAttribute("aria-label", `${t("copy.copy")}: ${label}`);
  return el("div", { class: "field" }, el("label", { for: id }, label), el("div", { class: "gate-row" }, input, button));
}
