// What is behind a job's row: its failures and its status as the API gives it. It is read when it is opened.
import { json, url } from "../lib/api.js";
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { copyable, disclosure, facts, showProblem } from "./pieces.js";
import { ago } from "./times.js";

/** @typedef {import("./types.js").Job} Job */

/** How many failures are listed, and how many results are in the JSON. */
const MOST_FAILURES = 20;
const MOST_RESULTS = 2;

/** A panel of a job's details. */
export function createJobDetails() {
  const { button, body } = disclosure(t("operations.details"), (isOpen) => void (isOpen ? read() : close()));
  /** @type {Job | null} */
  let job = null;
  /** @type {AbortController | null} */
  let running = null;

  const close = () => {
    running?.abort();
    running = null;
    fill(body);
  };
  const read = async () => {
    if (!job) return;
    running?.abort();
    const own = new AbortController();
    running = own;
    if (body.childElementCount === 0) fill(body, el("p", { class: "hint" }, t("operations.loading")));
    try {
      const status = await json(`jobs/${job.job_id}?cards=url`, { as: "operator", signal: own.signal });
      fill(body, ...contents(status));
    } catch (error) {
      if (!own.signal.aborted) showProblem(body, error, { retry: () => void read(), takesFocus: false });
    }
  };
  return {
    button,
    body,
    /** @param {Job} next */
    update(next) {
      job = next;
      button.hidden = next.status === "expired";
      if (button.hidden) body.hidden = true;
      if (!body.hidden) void read();
    },
    close,
  };
}

/** @param {Job} job */
function contents(job) {
  const failed = job.failed ?? [];
  const { results, ...rest } = job;
  const shortened = results ? { ...rest, results: results.slice(0, MOST_RESULTS) } : rest;
  return [
    facts([
      [t("operations.jobs.request"), copyable(job.request_id)],
      [t("operations.jobs.expires"), ago(job.expires_at)],
      [t("operations.jobs.status_address"), el("a", { href: url(`jobs/${job.job_id}`).href }, `/jobs/${job.job_id}`)],
    ]),
    failed.length > 0
      ? el(
          "div",
          {},
          el("h3", {}, t("operations.jobs.failures")),
          el("ul", { class: "failures" }, failed.slice(0, MOST_FAILURES).map((one) => el("li", {}, el("code", {}, one.error_code), ` ${one.url ?? one.filename ?? ""} `, el("span", { lang: "en" }, one.user_message)))),
          failed.length > MOST_FAILURES ? el("p", { class: "hint" }, t("operations.jobs.more_failures", { count: failed.length - MOST_FAILURES })) : null,
        )
      : null,
    el("h3", {}, t("operations.jobs.answer")),
    results && results.length > MOST_RESULTS ? el("p", { class: "hint" }, t("operations.jobs.shortened", { count: MOST_RESULTS, all: results.length })) : null,
    el("pre", { class: "answer", tabindex: 0, role: "region", "aria-label": t("operations.jobs.answer") }, JSON.stringify(shortened, null, 2)),
  ];
}
