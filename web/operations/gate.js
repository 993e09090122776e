// Asks for the operator's key in the page, and says where to find it. A key is tried before it is kept.
import { ApiError, send } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, uniqueId } from "../lib/dom.js";
import { setKey } from "../lib/session.js";
import { t } from "../lib/texts.js";

/** Shows the form; where operators have a listener of their own, it says so instead. */
export function createGate() {
  const [field, hint, wrong] = [uniqueId("operator-key"), uniqueId("operator-hint"), uniqueId("operator-wrong")];
  const input = el("input", { id: field, type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": `${hint} ${wrong}` });
  const message = el("p", { id: wrong, class: "wrong" });
  const form = el(
    "form",
    { onsubmit: (event) => { event.preventDefault(); void enter(); } },
    el("h2", {}, t("operations.gate.title")),
    el("p", {}, t("operations.gate.text")),
    el("label", { for: field }, t("key.operator.label")),
    el("div", { class: "gate-row" }, input, el("button", { type: "submit", class: "primary" }, t("key.use"))),
    message,
    el("p", { id: hint, class: "hint" }, t("operations.gate.where"), " ", el("code", {}, "huemill secret operator"), " · ", t("key.hint")),
  );
  const elsewhere = el(
    "div",
    { class: "elsewhere", hidden: true },
    el("h2", {}, t("operations.elsewhere.title")),
    el("p", {}, t("operations.elsewhere.text")),
    el("p", { class: "hint" }, t("operations.elsewhere.hint"), " ", el("code", {}, "HUEMILL__SERVER__OPERATIONS")),
  );
  const element = el("section", { class: "gate panel" }, form, elsewhere);

  const say = (/** @type {string} */ text) => {
    message.textContent = text;
    input.toggleAttribute("aria-invalid", text !== "");
    if (text) announce(text);
  };

  async function enter() {
    const secret = input.value.trim();
    if (!secret) return;
    say("");
    try {
      await send("queue", { as: "operator", headers: { Authorization: `Bearer ${secret}` } });
    } catch (error) {
      if (error instanceof ApiError && error.code === "NOT_FOUND") return show({ isElsewhere: true });
      say(text(error, secret));
      input.focus();
      input.select();
      return;
    }
    input.value = "";
    setKey("operator", secret);
  }

  /** @param {{ isElsewhere: boolean, reason?: string }} what */
  function show({ isElsewhere, reason = "" }) {
    form.hidden = isElsewhere;
    elsewhere.hidden = !isElsewhere;
    if (reason) say(reason);
  }

  return { element, show, clear: () => { input.value = ""; say(""); } };
}

/** Why a key was not taken. @param {unknown} error @param {string} secret */
function text(error, secret) {
  // Headers have no letters beyond Latin-1: the browser refuses to send them.
  if ([...secret].some((letter) => letter.charCodeAt(0) > 255)) return t("operations.gate.wrong");
  if (!(error instanceof ApiError)) return t("error.page");
  if (error.code === "FORBIDDEN") return t("operations.gate.forbidden");
  return error.code === "UNAUTHORIZED" ? t("operations.gate.wrong") : error.message;
}
