// The queue of pictures: what waits and who hands it out, and pausing and resuming it, all of it or one type of job.
import { json } from "../lib/api.js";
import { badge } from "../lib/badge.js";
import { confirmed } from "../lib/confirm.js";
import { el, fill } from "../lib/dom.js";
import { formatDuration, formatNumber, t } from "../lib/texts.js";
import { attemptIn } from "./attempt.js";
import { bar } from "./charts.js";
import { perMinute, shortDuration } from "./numbers.js";
import { actionButton, facts, refill, showProblem } from "./pieces.js";

/** @typedef {import("./types.js").Context} Context */
/** @typedef {import("./monitor.js").MonitorState} MonitorState */

/** What can be paused, the whole queue first. */
const KINDS = /** @type {const} */ (["all", "zip_batch", "url_batch", "image_batch"]);

const STATUSES = ["queued", "processing", "completed", "failed", "canceled", "expired"];

/** @typedef {(typeof KINDS)[number]} Kind */

/** @param {Context} context @returns {import("./types.js").Section} */
export function createQueue(context) {
  const switches = createSwitches(context);
  const figures = el("div");
  const jobs = el("ul", { class: "jobs-by-status" });
  return {
    element: el(
      "section",
      { class: "queue" },
      el("h2", {}, t("operations.section.queue")),
      el(
        "div",
        { class: "columns" },
        el("div", { class: "panel" }, el("h3", {}, t("operations.queue.pauses")), el("p", { class: "hint" }, t("operations.queue.pause_text")), switches.trouble, switches.list),
        el("div", { class: "panel" }, el("h3", {}, t("operations.queue.now")), figures, jobs),
      ),
    ),
    show: () => void switches.read(),
    render(state) {
      fill(figures, facts(figuresOf(state)));
      fill(jobs, ...byStatus(state));
    },
    refresh: switches.read,
    hide: () => switches.forget(),
  };
}

/** The pauses, each with a button. @param {Context} context */
function createSwitches(context) {
  const list = el("ul", { class: "switches" });
  const trouble = el("div");
  const attempt = attemptIn(context, trouble);
  let before = "";
  /** @param {string[]} paused */
  const show = (paused) => {
    const content = JSON.stringify(paused);
    if (content === before) return;
    before = content;
    fill(trouble);
    refill(list, ...KINDS.map((kind) => switchOf(kind, paused, change)));
  };
  /** @param {Kind} kind @param {boolean} isPaused */
  const change = async (kind, isPaused) => {
    const what = nameOf(kind);
    const question = { title: t("operations.queue.pause_title", { what }), text: t("operations.queue.pause_text"), action: t("operations.queue.pause"), isSafe: true };
    if (!isPaused && !(await confirmed(question))) return;
    const path = `queue/${isPaused ? "resume" : "pause"}${kind === "all" ? "" : `?type=${kind}`}`;
    const done = t(isPaused ? "operations.queue.resumed" : "operations.queue.paused", { what });
    await attempt(async () => show((await json(path, { method: "POST", as: "operator" })).paused), done);
  };
  /** @param {AbortSignal} [signal] */
  const read = async (signal) => {
    try {
      show((await json("queue", { as: "operator", signal })).paused);
    } catch (error) {
      if (signal?.aborted || context.absorb(error) || trouble.childElementCount > 0) return;
      showProblem(trouble, error, { retry: () => void read(), takesFocus: false });
    }
  };
  return { list, trouble, read, forget: () => { before = ""; } };
}

/** @param {Kind} kind */
const nameOf = (kind) => (kind === "all" ? t("operations.queue.whole") : t(`operations.job_type.${kind}`));

/** @param {Kind} kind @param {string[]} paused @param {(kind: Kind, isPaused: boolean) => Promise<void>} change */
function switchOf(kind, paused, change) {
  const isPaused = paused.includes(kind);
  const isCovered = kind !== "all" && paused.includes("all");
  const name = nameOf(kind);
  const text = t(isPaused ? "operations.queue.resume" : "operations.queue.pause");
  const button = actionButton(text, `switch-${kind}`, () => change(kind, isPaused), isPaused ? "primary" : undefined);
  button.setAttribute("aria-label", `${text}: ${name}`);
  return el(
    "li",
    { data: { kind, paused: String(isPaused) } },
    el("span", { class: "switch-name" }, name),
    isPaused || isCovered ? badge(t(isPaused ? "operations.queue.is_paused" : "operations.queue.is_covered"), "warning") : badge(t("operations.queue.runs"), "good"),
    button,
  );
}

/** @param {MonitorState} state @returns {[string, import("../lib/dom.js").Child][]} */
function figuresOf({ history, ready }) {
  const values = history.own().at(-1)?.values ?? {};
  const dispatcher = ready?.checks?.actors?.dispatcher;
  const number = (/** @type {number | null | undefined} */ value) => (value === null || value === undefined ? null : formatNumber(value));
  const rate = history.perMinute("pictures");
  return [
    [t("operations.figure.queued.name"), number(values.queued)],
    [t("operations.figure.oldest.name"), values.oldest === null || values.oldest === undefined ? null : shortDuration(values.oldest)],
    [t("operations.queue.rate"), rate === null ? null : perMinute(rate)],
    [t("operations.queue.claimed"), number(dispatcher?.claimed)],
    [t("operations.queue.downloads"), number(dispatcher?.downloads)],
    [t("operations.queue.stalled"), number(values.stalled)],
    [t("operations.queue.suspects"), dispatcher?.suspects_waiting ? t("operations.yes") : null],
    [t("operations.queue.waits_for"), dispatcher?.paused ? el("span", { lang: "en" }, dispatcher.paused_by ?? "") : null],
    [t("operations.queue.resumes"), dispatcher?.resumes_in_ms === undefined ? null : formatDuration(dispatcher.resumes_in_ms / 1000)],
  ];
}

/** @param {MonitorState} state */
function byStatus({ jobs }) {
  if (!jobs) return [];
  const most = Math.max(1, ...STATUSES.map((status) => jobs[status] ?? 0));
  return STATUSES.map((status) =>
    el(
      "li",
      {},
      el("a", { href: `#/operations/jobs/${status}` }, t(`operations.job_status.${status}`)),
      bar((jobs[status] ?? 0) / most, { level: status === "failed" ? "bad" : "plain" }),
      el("span", { class: "count" }, formatNumber(jobs[status] ?? 0)),
    ),
  );
}
