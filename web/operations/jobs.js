// Jobs of all callers: filtered by status and type, page by page, to cancel, retry and delete them.
import { send } from "../lib/api.js";
import { badge } from "../lib/badge.js";
import { confirmed } from "../lib/confirm.js";
import { el } from "../lib/dom.js";
import { formatDuration, formatPercent, t } from "../lib/texts.js";
import { attemptIn } from "./attempt.js";
import { ALL, createFilter } from "./filter.js";
import { createJobDetails } from "./job_details.js";
import { List } from "./list.js";
import { actionButton, copyable, facts, refill } from "./pieces.js";
import { ago } from "./times.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Context} Context */

const STATUSES = /** @type {const} */ (["queued", "processing", "completed", "failed", "canceled", "expired"]);
const TYPES = /** @type {const} */ (["zip_batch", "url_batch", "image_batch"]);

/** @type {Record<Job["status"], "good" | "warning" | "bad" | "plain">} */
const LEVELS = { queued: "plain", processing: "plain", completed: "good", failed: "bad", canceled: "warning", expired: "plain" };

/** @param {Context} context @returns {import("./types.js").Section} */
export function createJobs(context) {
  const list = new List({
    path: "jobs",
    member: "jobs",
    id: (/** @type {Job} */ job) => job.job_id,
    view: () => createRow(context),
    label: t("operations.section.jobs"),
    empty: () => t("operations.jobs.empty"),
    absorb: context.absorb,
  });
  const status = createFilter(t("operations.status"), STATUSES, (name) => t(`operations.job_status.${name}`));
  const type = createFilter(t("operations.type"), TYPES, (name) => t(`operations.job_type.${name}`));
  // The address is the filter's memory: it can be sent to a colleague.
  for (const { select } of [status, type]) {
    select.addEventListener("change", () => {
      location.hash = `#/operations/jobs/${status.select.value}/${type.select.value}`;
    });
  }
  let shown = "";
  return {
    element: el("section", { class: "jobs" }, el("h2", {}, t("operations.section.jobs")), el("div", { class: "filters" }, status.element, type.element), list.element),
    show([wantedStatus = ALL, wantedType = ALL]) {
      status.choose(wantedStatus);
      type.choose(wantedType);
      const query = { status: status.select.value, type: type.select.value };
      if (shown === JSON.stringify(query)) return;
      shown = JSON.stringify(query);
      void list.load(Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ALL)));
    },
    refresh: (signal) => list.refresh(signal),
    hide() {
      shown = "";
      list.close();
    },
  };
}

/** @param {Context} context @returns {import("./list.js").RowView<Job>} */
function createRow(context) {
  const summary = el("div", { class: "row-summary" });
  const buttons = el("div", { class: "actions" });
  const trouble = el("div");
  const details = createJobDetails();
  const actions = jobActions(attemptIn(context, trouble));
  let before = "";
  return {
    element: el("li", { class: "row panel" }, summary, buttons, trouble, details.body),
    update(job) {
      const content = JSON.stringify(job);
      if (content === before) return;
      before = content;
      refill(summary, ...summaryOf(job));
      details.update(job);
      refill(buttons, details.button, ...buttonsOf(job, actions));
    },
    close: () => details.close(),
  };
}

/** What can be done with a job. @param {ReturnType<typeof attemptIn>} attempt */
function jobActions(attempt) {
  return {
    async cancel(/** @type {string} */ id) {
      const question = { title: t("operations.jobs.cancel_title"), text: t("operations.jobs.cancel_text"), action: t("operations.jobs.cancel_yes") };
      if (!(await confirmed(question))) return;
      await attempt(() => send(`jobs/${id}/cancel`, { method: "POST", as: "operator" }), t("operations.jobs.canceled"));
    },
    async remove(/** @type {string} */ id) {
      const question = { title: t("operations.jobs.delete_title"), text: t("operations.jobs.delete_text"), action: t("operations.jobs.delete_yes") };
      if (!(await confirmed(question))) return;
      await attempt(() => send(`jobs/${id}`, { method: "DELETE", as: "operator" }), t("operations.jobs.deleted"));
    },
    retry: (/** @type {string} */ id) => attempt(() => send(`jobs/${id}/retry`, { method: "POST", as: "operator" }), t("operations.jobs.retried")),
  };
}

/** @param {Job} job @param {ReturnType<typeof jobActions>} actions */
function buttonsOf({ job_id: id, status, failed_count: failures = 0 }, { cancel, retry, remove }) {
  const isLive = status === "queued" || status === "processing";
  return [
    isLive ? actionButton(t("operations.jobs.cancel"), "cancel", () => cancel(id)) : null,
    !isLive && failures > 0 ? actionButton(t("operations.jobs.retry"), "retry", () => retry(id)) : null,
    el("a", { class: "button", href: `#/operations/webhooks/${ALL}/${id}` }, t("operations.jobs.webhooks")),
    status === "expired" ? null : actionButton(t("operations.jobs.delete"), "delete", () => remove(id), "quiet danger"),
  ];
}

/** @param {number} seconds */
const took = (seconds) => (seconds > 0 ? formatDuration(seconds) : `< ${formatDuration(1)}`);

/** @param {Job} job */
function summaryOf(job) {
  return [
    el(
      "div",
      { class: "row-head" },
      badge(t(`operations.job_status.${job.status}`), LEVELS[job.status]),
      el("span", { class: "row-kind" }, t(`operations.job_type.${job.type}`)),
      copyable(job.job_id),
    ),
    job.progress === undefined || job.status === "queued"
      ? null
      : el("progress", { max: 100, value: job.progress, "aria-label": t("operations.jobs.progress") }),
    facts([
      [t("operations.created"), ago(job.created_at)],
      [t("operations.started"), job.started_at && !job.finished_at ? ago(job.started_at) : null],
      [t("operations.finished"), job.finished_at ? ago(job.finished_at) : null],
      [t("operations.jobs.progress"), job.progress === undefined ? null : formatPercent(job.progress / 100)],
      [t("operations.jobs.eta"), job.eta_s === undefined ? null : formatDuration(job.eta_s)],
      [t("operations.jobs.results"), job.results_count ?? null],
      [t("operations.jobs.failures"), job.failed_count === undefined ? null : el("span", { class: job.failed_count > 0 ? "bad-text" : "" }, job.failed_count)],
      [t("operations.jobs.took"), job.started_at && job.finished_at ? took(job.finished_at - job.started_at) : null],
    ]),
  ];
}
