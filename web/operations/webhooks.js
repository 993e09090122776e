// Webhooks with their attempts, to see why one did not arrive and to send it again.
import { send } from "../lib/api.js";
import { badge } from "../lib/badge.js";
import { confirmed } from "../lib/confirm.js";
import { el, uniqueId } from "../lib/dom.js";
import { formatNumber, t } from "../lib/texts.js";
import { attemptIn } from "./attempt.js";
import { ALL, createFilter } from "./filter.js";
import { List } from "./list.js";
import { actionButton, copyable, disclosure, facts, refill } from "./pieces.js";
import { ago } from "./times.js";

/** @typedef {import("./types.js").Delivery} Delivery */
/** @typedef {import("./types.js").Attempt} Attempt */
/** @typedef {import("./types.js").Context} Context */

const STATUSES = /** @type {const} */ (["pending", "delivered", "dead"]);

/** @type {Record<Delivery["status"], "good" | "warning" | "bad">} */
const LEVELS = { pending: "warning", delivered: "good", dead: "bad" };

/** The reasons of failed attempts that have a text. */
const REASONS = [
  "client_error", "server_error", "redirect", "rate_limited", "gone", "timeout", "tls", "unresolvable", "blocked", "connection",
  "malformed",
];

/** @param {Context} context @returns {import("./types.js").Section} */
export function createWebhooks(context) {
  const list = new List({
    path: "webhooks/deliveries",
    member: "deliveries",
    id: (/** @type {Delivery} */ delivery) => delivery.id,
    view: () => createRow(context),
    label: t("operations.section.webhooks"),
    empty: () => t("operations.webhooks.empty"),
    absorb: context.absorb,
  });
  const status = createFilter(t("operations.status"), STATUSES, (name) => t(`operations.delivery_status.${name}`));
  const field = uniqueId("job");
  const job = el("input", { id: field, type: "search", placeholder: "job_…", spellcheck: "false", autocomplete: "off" });
  const go = () => {
    const id = job.value.trim();
    location.hash = `#/operations/webhooks/${status.select.value}${id && `/${encodeURIComponent(id)}`}`;
  };
  status.select.addEventListener("change", go);
  job.addEventListener("change", go);
  let shown = "";
  return {
    element: el(
      "section",
      { class: "webhooks" },
      el("h2", {}, t("operations.section.webhooks")),
      el("div", { class: "filters" }, status.element, el("div", { class: "field" }, el("label", { for: field }, t("operations.webhooks.job")), job)),
      list.element,
    ),
    show([wanted = ALL, id = ""]) {
      status.choose(wanted);
      job.value = id;
      const query = { ...(status.select.value === ALL ? {} : { status: status.select.value }), ...(id ? { job_id: id } : {}) };
      if (shown === JSON.stringify(query)) return;
      shown = JSON.stringify(query);
      void list.load(query);
    },
    refresh: (signal) => list.refresh(signal),
    hide() {
      shown = "";
      list.close();
    },
  };
}

/** @param {Context} context @returns {import("./list.js").RowView<Delivery>} */
function createRow(context) {
  const summary = el("div", { class: "row-summary" });
  const trouble = el("div");
  const attempt = attemptIn(context, trouble);
  const { button, body } = disclosure(t("operations.webhooks.attempts"), () => {});
  /** @type {Delivery | null} */
  let delivery = null;
  const redeliver = async () => {
    if (!delivery) return;
    const { id, status } = delivery;
    // The receiver of a delivered webhook gets it twice.
    const question = { title: t("operations.webhooks.again_title"), text: t("operations.webhooks.again_text"), action: t("operations.webhooks.again_yes"), isSafe: true };
    if (status === "delivered" && !(await confirmed(question))) return;
    await attempt(() => send(`webhooks/deliveries/${id}/redeliver`, { method: "POST", as: "operator" }), t("operations.webhooks.sent"));
  };
  const actions = el("div", { class: "actions" }, button, actionButton(t("operations.webhooks.redeliver"), "redeliver", redeliver));
  let before = "";
  return {
    element: el("li", { class: "row panel" }, summary, actions, trouble, body),
    update(next) {
      delivery = next;
      const content = JSON.stringify(next);
      if (content === before) return;
      before = content;
      refill(summary, ...summaryOf(next));
      button.hidden = next.attempts.length === 0;
      if (button.hidden) body.hidden = true;
      refill(body, el("ol", { class: "attempts" }, next.attempts.map(attemptItem)));
    },
  };
}

/** @param {Delivery} delivery */
function summaryOf(delivery) {
  const last = delivery.attempts.at(-1);
  return [
    el(
      "div",
      { class: "row-head" },
      badge(t(`operations.delivery_status.${delivery.status}`), LEVELS[delivery.status]),
      el("span", { class: "row-kind" }, delivery.host),
      copyable(delivery.id),
    ),
    facts([
      [t("operations.webhooks.job"), copyable(delivery.job_id)],
      [t("operations.created"), ago(delivery.created_at)],
      [t("operations.finished"), delivery.finished_at ? ago(delivery.finished_at) : null],
      [t("operations.webhooks.next"), delivery.status === "pending" && delivery.next_attempt_at ? ago(delivery.next_attempt_at) : null],
      [t("operations.webhooks.attempts"), delivery.attempts.length],
      [t("operations.webhooks.last"), last ? outcome(last) : null],
    ]),
  ];
}

/** How an attempt ended. @param {Attempt} attempt */
function outcome({ status_code: code, reason }) {
  if (!reason) return t("operations.webhooks.accepted", { code: String(code ?? "") });
  const text = REASONS.includes(reason) ? t(`operations.webhook_reason.${reason}`) : reason;
  return el("span", { class: "bad-text" }, code ? `${text} (${code})` : text);
}

/** @param {Attempt} attempt */
function attemptItem(attempt) {
  return el(
    "li",
    {},
    el(
      "p",
      {},
      el("strong", {}, `${attempt.number}. `),
      outcome(attempt),
      " · ",
      ago(attempt.at),
      " · ",
      formatNumber(attempt.duration_ms, { style: "unit", unit: "millisecond", unitDisplay: "short" }),
    ),
    attempt.answer ? el("pre", { class: "answer", tabindex: 0, role: "region", "aria-label": t("operations.webhooks.answer", { number: attempt.number }) }, attempt.answer) : null,
  );
}
