// The list of one's own jobs. Those that had not ended when they were last seen are asked for, one after the other, while
// the list is in sight.
import { announce } from "../lib/announce.js";
import { ApiError, jobPath, json } from "../lib/api.js";
import { confirmed } from "../lib/confirm.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { formatTime, t } from "../lib/texts.js";
import { statusBadge } from "./badge.js";
import { forget, forgetAll, isGone, knownJobs, noteGone, noteSeen } from "./history.js";
import { hasEnded } from "./types.js";

/** @typedef {import("./types.js").KnownJob} KnownJob */

const AGAIN_SECONDS = 10;

export class JobList {
  #heading = el("h2", { id: uniqueId("jobs"), tabindex: -1 }, t("batches.list.title"));
  #body = el("div", {});
  #isShown = false;
  /** Jobs that the service does not know, or does not show to this key. @type {Set<string>} */
  #unknown = new Set();
  /** @type {AbortController | null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    this.element = el("section", { class: "job-list", "aria-labelledby": this.#heading.id }, this.#heading, this.#body);
  }

  show() {
    this.#isShown = true;
    this.#unknown.clear();
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#render();
    void this.#refresh();
  }

  hide() {
    this.#isShown = false;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#pause();
  }

  focus() {
    this.#heading.focus();
  }

  #onVisibility = () => {
    if (document.visibilityState === "hidden") this.#pause();
    else void this.#refresh();
  };

  #pause() {
    this.#asking?.abort();
    clearTimeout(this.#timer);
  }

  async #refresh() {
    this.#pause();
    if (!this.#isShown || document.visibilityState === "hidden") return;
    const asking = (this.#asking = new AbortController());
    for (const job of this.#live()) {
      try {
        noteSeen(job.id, await json(jobPath(job.id, "?cards=url"), { signal: asking.signal }));
      } catch (error) {
        if (asking.signal.aborted) return;
        if (!(error instanceof ApiError) || error.status !== 404) break;
        // One that is unknown may be another key's.
        if (error.code === "EXPIRED_JOB") noteGone(job.id);
        else this.#unknown.add(job.id);
      }
      if (asking.signal.aborted) return;
      this.#renderRow(job.id);
    }
    if (this.#live().length > 0) this.#timer = setTimeout(() => void this.#refresh(), AGAIN_SECONDS * 1000);
  }

  /** Jobs whose end was not seen. */
  #live() {
    return knownJobs().filter((job) => !isGone(job) && !hasEnded(job) && !this.#unknown.has(job.id));
  }

  #render() {
    const jobs = knownJobs();
    if (jobs.length === 0) return void fill(this.#body, el("p", { class: "empty hint" }, t("batches.list.empty")));
    fill(
      this.#body,
      el("ul", { class: "jobs" }, ...jobs.map((job) => this.#row(job))),
      el(
        "div",
        { class: "actions" },
        jobs.some(isGone) && el("button", { type: "button", class: "quiet clear-gone", onclick: () => this.#clearGone() }, t("batches.list.clearGone")),
        el("button", { type: "button", class: "quiet clear-all", onclick: () => void this.#clearAll() }, t("batches.list.clear")),
      ),
    );
  }

  /** @param {string} id */
  #renderRow(id) {
    const job = knownJobs().find((known) => known.id === id);
    const old = this.#body.querySelector(`[data-job="${CSS.escape(id)}"]`);
    // A row with the focus would lose it.
    if (job && old && !old.contains(document.activeElement)) old.replaceWith(this.#row(job));
    else if (job && old) old.querySelector(".badge")?.replaceWith(statusBadge(job.status));
  }

  /** @param {KnownJob} job */
  #row(job) {
    const wasLost = isGone(job);
    const facts = [
      job.count !== null && t("batches.count.pictures", { count: job.count }),
      formatTime(job.created_at),
      !wasLost && job.expires_at !== null && t("batches.list.until", { time: formatTime(job.expires_at) }),
    ].filter(Boolean);
    return el(
      "li",
      { class: wasLost ? "is-gone" : "", data: { job: job.id } },
      el("div", { class: "job-line" }, el("a", { href: `#/batches/${encodeURIComponent(job.id)}` }, job.name), statusBadge(wasLost ? "gone" : job.status)),
      el("p", { class: "hint" }, facts.join(" · ")),
      el("button", { type: "button", class: "quiet remove", "aria-label": t("batches.list.remove", { name: job.name }), title: t("batches.list.removeTitle"), onclick: () => this.#remove(job) }, "×"),
    );
  }

  /** @param {KnownJob} job */
  #remove(job) {
    forget(job.id);
    this.#changed(t("batches.list.removed", { name: job.name }));
  }

  #clearGone() {
    for (const { id } of knownJobs().filter(isGone)) forget(id);
    this.#changed(t("batches.list.cleared"));
  }

  async #clearAll() {
    const texts = { title: t("batches.confirm.clear.title"), text: t("batches.confirm.clear.text"), action: t("batches.confirm.clear.action"), keep: t("batches.confirm.clear.keep") };
    if (!(await confirmed(texts))) return;
    forgetAll();
    this.#changed(t("batches.list.cleared"));
  }

  /** @param {string} text */
  #changed(text) {
    this.#render();
    this.focus();
    announce(text);
  }
}
