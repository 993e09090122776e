// Asks for the operator's key in the page, and says where to find it. A key is tried before it is kept.
import { ApiError, send } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, uniqueId } from "../lib/dom.js";
import { setKey } from "../lib/session.js";
import { t } from "../lib/texts.js";

/** Shows the form; where operators have a listener of their own, it says so instead. */
export class Gate {
  #hint = uniqueId("operator-hint");
  #message = el("p", { id: uniqueId("operator-wrong"), class: "wrong" });
  #input = el("input", { id: uniqueId("operator-key"), type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": `${this.#hint} ${this.#message.id}` });
  #form = el(
    "form",
    { onsubmit: (event) => { event.preventDefault(); void this.#enter(); } },
    el("h2", {}, t("operations.gate.title")),
    el("p", {}, t("operations.gate.text")),
    el("label", { for: this.#input.id }, t("key.operator.label")),
    el("div", { class: "gate-row" }, this.#input, el("button", { type: "submit", class: "primary" }, t("key.use"))),
    this.#message,
    el("p", { id: this.#hint, class: "hint" }, t("operations.gate.where"), " ", el("code", {}, "huemill secret operator"), " · ", t("key.hint")),
  );
  #elsewhere = elsewhere();
  element = el("section", { class: "gate panel" }, this.#form, this.#elsewhere);

  /** @param {{ isElsewhere: boolean, reason?: string }} what */
  show({ isElsewhere, reason = "" }) {
    this.#form.hidden = isElsewhere;
    this.#elsewhere.hidden = !isElsewhere;
    if (reason) this.#say(reason);
  }

  clear() {
    this.#input.value = "";
    this.#say("");
  }

  /** @param {string} text */
  #say(text) {
    this.#message.textContent = text;
    this.#input.toggleAttribute("aria-invalid", text !== "");
    if (text) announce(text);
  }

  async #enter() {
    const secret = this.#input.value.trim();
    if (!secret) return;
    this.#say("");
    try {
      await send("queue", { as: "operator", headers: { Authorization: `Bearer ${secret}` } });
    } catch (error) {
      if (error instanceof ApiError && error.code === "NOT_FOUND") return this.show({ isElsewhere: true });
      this.#say(refusal(error, secret));
      this.#input.focus();
      this.#input.select();
      return;
    }
    this.#input.value = "";
    setKey("operator", secret);
  }
}

/** Says where the operators' listener is. */
const elsewhere = () =>
  el(
    "div",
    { class: "elsewhere", hidden: true },
    el("h2", {}, t("operations.elsewhere.title")),
    el("p", {}, t("operations.elsewhere.text")),
    el("p", { class: "hint" }, t("operations.elsewhere.hint"), " ", el("code", {}, "HUEMILL__SERVER__OPERATIONS")),
  );

/** Why a key was not taken. @param {unknown} error @param {string} secret */
function refusal(error, secret) {
  // Headers have no letters beyond Latin-1: the browser refuses to send them.
  if ([...secret].some((letter) => letter.charCodeAt(0) > 255)) return t("operations.gate.wrong");
  if (!(error instanceof ApiError)) return t("error.page");
  if (error.code === "FORBIDDEN") return t("operations.gate.forbidden");
  return error.code === "UNAUTHORIZED" ? t("operations.gate.wrong") : error.message;
}
