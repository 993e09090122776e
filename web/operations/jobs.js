// Jobs of all callers: filtered by status and type, page by page, to cancel, retry and delete them.
import { json, send } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { confirm } from "./dialogs.js";
import { createJobDetails } from "./job_details.js";
import { List } from "./list.js";
import { actionButton, badge, copyable, facts, refill, showProblem } from "./pieces.js";
import { ago } from "./times.js";
import { formatDuration, formatPercent } from "../lib/texts.js";

/** @typedef {import("./types.js").Job} Job */
/** @typedef {import("./types.js").Context} Context */

const STATUSES = /** @type {const} */ (["queued", "processing", "completed", "failed", "canceled", "expired"]);
const TYPES = /** @type {const} */ (["zip_batch", "url_batch", "image_batch"]);

/** @type {Record<Job["status"], "good" | "warning" | "bad" | "plain">} */
const LEVELS = { queued: "plain", processing: "plain", completed: "good", failed: "bad", canceled: "warning", expired: "plain" };

/** What a filter is called in the address if it lets all through. */
const ALL = "all";

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
  const status = filter(t("operations.status"), STATUSES, (name) => t(`operations.job_status.${name}`));
  const type = filter(t("operations.type"), TYPES, (name) => t(`operations.job_type.${name}`));
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
      status.select.value = STATUSES.find((name) => name === wantedStatus) ?? ALL;
      type.select.value = TYPES.find((name) => name === wantedType) ?? ALL;
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

/**
 * A field that filters a list.
 * @param {string} label
 * @param {readonly string[]} names
 * @param {(name: string) => string} text
 */
export function filter(label, names, text) {
  const id = uniqueId("filter");
  const select = el("select", { id }, el("option", { value: ALL }, t("operations.any")), names.map((name) => el("option", { value: name }, text(name))));
  return { select, element: el("div", { class: "field" }, el("label", { for: id }, label), select) };
}

/** @param {Context} context @returns {import("./list.js").RowView<Job>} */
function createRow(context) {
  const summary = el("div", { class: "row-summary" });
  const actions = el("div", { class: "actions" });
  const trouble = el("div");
  const details = createJobDetails();
  /** @type {Job | null} */
  let job = null;

  /** @param {() => Promise<unknown>} act @param {string} done */
  const attempt = async (act, done) => {
    trouble.replaceChildren();
    try {
      await act();
      announce(t(done));
      context.refresh();
    } catch (error) {
      if (!context.absorb(error)) showProblem(trouble, error);
    }
  };
  const cancel = async () => {
    const id = job?.job_id ?? "";
    const question = { title: t("operations.jobs.cancel_title"), text: t("operations.jobs.cancel_text"), yes: t("operations.jobs.cancel_yes") };
    if (await confirm(question)) await attempt(() => send(`jobs/${id}/cancel`, { method: "POST", as: "operator" }), "operations.jobs.canceled");
  };
  const remove = async () => {
    const id = job?.job_id ?? "";
    const question = { title: t("operations.jobs.delete_title"), text: t("operations.jobs.delete_text"), yes: t("operations.jobs.delete_yes") };
    if (await confirm(question)) await attempt(() => send(`jobs/${id}`, { method: "DELETE", as: "operator" }), "operations.jobs.deleted");
  };
  const retry = () => attempt(() => json(`jobs/${job?.job_id}/retry`, { method: "POST", as: "operator" }), "operations.jobs.retried");

  let before = "";
  return {
    element: el("li", { class: "row panel" }, summary, actions, trouble, details.body),
    update(next) {
      job = next;
      const content = JSON.stringify(next);
      if (content === before) return;
      before = content;
      refill(summary, ...summaryOf(next));
      const isLive = next.status === "queued" || next.status === "processing";
      details.update(next);
      refill(
        actions,
        details.button,
        isLive ? actionButton(t("operations.jobs.cancel"), "cancel", cancel) : null,
        !isLive && (next.failed_count ?? 0) > 0 ? actionButton(t("operations.jobs.retry"), "retry", retry) : null,
        el("a", { class: "button", href: `#/operations/webhooks/${ALL}/${next.job_id}` }, t("operations.jobs.webhooks")),
        next.status === "expired" ? null : actionButton(t("operations.jobs.delete"), "delete", remove, "quiet danger"),
      );
    },
    close: () => details.close(),
  };
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
