// Access keys: a list of them, to create, rotate and revoke them. A secret is shown once, and leaves the page with the
// section.
import { json, send } from "../lib/api.js";
import { badge } from "../lib/badge.js";
import { confirmed } from "../lib/confirm.js";
import { el, uniqueId } from "../lib/dom.js";
import { formatBytes, formatDuration, formatNumber, formatTime, t } from "../lib/texts.js";
import { attemptIn } from "./attempt.js";
import { createKeyForm, LIMITS } from "./key_form.js";
import { createSecret } from "./key_secret.js";
import { List } from "./list.js";
import { actionButton, copyable, facts, refill } from "./pieces.js";
import { ago, serverNow } from "./times.js";

/** @typedef {import("./types.js").AccessKey} AccessKey */
/** @typedef {import("./types.js").NewKey} NewKey */
/** @typedef {import("./types.js").Context} Context */

/** How long a key that is replaced may work on, in seconds; a day first. */
const OVERLAPS = [86_400, 3_600, 7 * 86_400, 0];

/** @param {Context} context @returns {import("./types.js").Section} */
export function createKeys(context) {
  const secret = createSecret();
  const show = (/** @type {NewKey} */ key) => {
    secret.show(key);
    context.refresh();
  };
  const form = createKeyForm({ onCreated: show, absorb: context.absorb });
  const list = new List({
    path: "keys",
    member: "keys",
    id: (/** @type {AccessKey} */ key) => key.id,
    view: () => createRow(context, show),
    label: t("operations.section.keys"),
    empty: () => t("operations.keys.empty"),
    absorb: context.absorb,
  });
  return {
    element: el("section", { class: "keys" }, el("h2", {}, t("operations.section.keys")), secret.element, form.element, list.element),
    show: () => void list.load(),
    refresh: (signal) => list.refresh(signal),
    hide() {
      secret.forget();
      form.close();
      list.close();
    },
  };
}

/**
 * @param {Context} context
 * @param {(key: NewKey) => void} onRotated
 * @returns {import("./list.js").RowView<AccessKey>}
 */
function createRow(context, onRotated) {
  const summary = el("div", { class: "row-summary" });
  const trouble = el("div");
  const attempt = attemptIn(context, trouble);
  /** @type {AccessKey | null} */
  let key = null;
  const rotate = async () => {
    const { id, name } = /** @type {AccessKey} */ (key);
    const overlap = await askForOverlap(name);
    if (overlap === null) return;
    await attempt(async () => onRotated(await json(`keys/${id}/rotate`, { method: "POST", json: { overlap_s: overlap }, as: "operator" })));
  };
  const revoke = async () => {
    const { id, name } = /** @type {AccessKey} */ (key);
    const question = { title: t("operations.keys.revoke_title", { name }), text: t("operations.keys.revoke_text"), action: t("operations.keys.revoke_yes") };
    if (!(await confirmed(question))) return;
    await attempt(() => send(`keys/${id}`, { method: "DELETE", as: "operator" }), t("operations.keys.revoked", { name }));
  };
  const actions = el("div", { class: "actions" }, actionButton(t("operations.keys.rotate"), "rotate", rotate), actionButton(t("operations.keys.revoke"), "revoke", revoke, "danger"));
  let before = "";
  return {
    element: el("li", { class: "row panel" }, summary, actions, trouble),
    update(next) {
      key = next;
      const content = JSON.stringify(next);
      if (content === before) return;
      before = content;
      refill(summary, ...summaryOf(next));
    },
  };
}

/** Asks how long a key that is replaced works on, in seconds; null if it is not to be replaced. @param {string} name */
async function askForOverlap(name) {
  const id = uniqueId("overlap");
  const options = OVERLAPS.map((seconds) => el("option", { value: seconds }, seconds ? formatDuration(seconds) : t("operations.keys.no_overlap")));
  const select = el("select", { id }, options);
  const field = el("div", { class: "field" }, el("label", { for: id }, t("operations.keys.overlap")), select);
  const question = { title: t("operations.keys.rotate_title", { name }), text: t("operations.keys.rotate_text"), action: t("operations.keys.rotate"), isSafe: true, field };
  return (await confirmed(question)) ? Number(select.value) : null;
}

/** @param {AccessKey} key */
function summaryOf(key) {
  const isOver = key.expires_at !== null && key.expires_at <= serverNow();
  const limits = Object.entries(key.limits).map(([name, value]) => `${limitName(name)}: ${limitText(name, value)}`);
  return [
    el(
      "div",
      { class: "row-head" },
      el("strong", { class: "key-name" }, key.name),
      ...key.scopes.map((scope) => badge(scope, scope === "operator" ? "warning" : "plain")),
      isOver ? badge(t("operations.keys.expired"), "bad") : null,
      copyable(key.id),
    ),
    facts([
      [t("operations.created"), ago(key.created_at)],
      [t("operations.keys.expires"), key.expires_at === null ? t("operations.keys.never") : el("span", {}, ago(key.expires_at), ` (${formatTime(key.expires_at)})`)],
      [t("operations.keys.used"), key.last_used_at === null ? t("operations.keys.unused") : ago(key.last_used_at)],
      [t("operations.keys.limits"), limits.length > 0 ? limits.join(" · ") : null],
    ]),
  ];
}

/** @param {string} name */
const limitName = (name) => (LIMITS.some((known) => known === name) ? t(`operations.limit.${name}`) : name);

/** @param {string} name @param {number} value */
function limitText(name, value) {
  if (value === 0) return t("operations.keys.unlimited");
  return name === "stored_bytes" ? formatBytes(value) : formatNumber(value);
}

