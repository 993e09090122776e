// Shows what went wrong: the message, the request id to quote, and what can be done.
import { ApiError } from "./api.js";
import { announce } from "./announce.js";
import { el } from "./dom.js";
import { askForKey } from "./key.js";
import { t } from "./texts.js";

/**
 * @param {unknown} error
 * @param {{ retry?: () => void, as?: import("./session.js").KeyName }} [actions]
 * @returns {HTMLElement}
 */
export function problem(error, { retry, as = "user" } = {}) {
  const known = error instanceof ApiError ? error : null;
  if (!known) console.error(error);
  const message = known?.message ?? t("error.page");
  announce(message);
  const wantsKey = known?.wantsKey ?? false;
  return el(
    "div",
    { class: "problem", role: "group", "aria-label": t("error.label"), data: { code: known?.code ?? "PAGE" } },
    el("p", { class: "problem-message" }, message),
    known?.detail && known.detail !== message ? el("p", { class: "problem-detail" }, known.detail) : null,
    known?.requestId ? el("p", { class: "problem-id" }, t("error.request"), " ", el("code", {}, known.requestId)) : null,
    el(
      "div",
      { class: "actions" },
      wantsKey ? el("button", { type: "button", onclick: async () => { if (await askForKey(as)) retry?.(); } }, t("key.enter")) : null,
      retry && !wantsKey ? el("button", { type: "button", onclick: retry }, t("error.retry")) : null,
    ),
  );
}
