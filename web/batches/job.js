// The page of one job: how far it is, what can be done with it, and its results.
import { ApiError, jobPath, ownUrl, send } from "../lib/api.js";
import { announce, quarters } from "../lib/announce.js";
import { confirmed } from "../lib/confirm.js";
import { el, fill } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { formatDuration, formatNumber, formatPercent, formatTime, t } from "../lib/texts.js";
import { forget, knownJob, noteGone, noteSeen } from "./history.js";
import { Preview } from "./preview.js";
import { Results } from "./results.js";
import { statusBadge } from "./badge.js";
import { hasEnded } from "./types.js";
import { JobWatch } from "./watch.js";

/** @typedef {import("./types.js").Job} Job */

export class JobPage {
  #id;
  #known;
  #closing = new AbortController();
  #watch;
  #results;
  /** @type {Preview | null} */
  #preview = null;
  #name;
  #head = el("div", { class: "job-head" });
  #progress = el("div", { class: "job-progress" });
  #actions = el("div", { class: "actions job-actions" });
  #outcome = el("div", { class: "outcome" });
  /** Whether the end of the job was not seen yet. */
  #wasLive;
  #isShown = true;
  /** The status that is shown. */
  #status = "";
  #bar = el("progress", { max: 100, "aria-label": t("batches.job.progress") });
  #barText = el("p", { class: "job-eta" });
  #say = quarters((percent) => t("batches.job.percent", { percent: formatPercent(percent / 100) }));

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.#known = knownJob(id);
    this.#wasLive = this.#known !== undefined && !hasEnded(this.#known);
    this.#name = this.#known?.name ?? t("batches.job.unnamed");
    this.#results = new Results(id);
    this.#watch = new JobWatch(id, { onJob: (job) => this.#show(job), onError: (error, isTemporary) => this.#failed(error, isTemporary) });
    this.element = el(
      "div",
      { class: "job", data: { job: id } },
      el("a", { class: "back", href: "#/batches" }, "← ", t("batches.job.back")),
      el("h1", { class: "job-name", tabindex: -1 }, this.#name),
      this.#head,
      this.#progress,
      this.#actions,
      this.#outcome,
      this.#results.element,
    );
    this.#title("");
    this.#watch.start();
  }

  show() {
    this.#isShown = true;
    this.#watch.start();
  }

  hide() {
    this.#isShown = false;
    this.#watch.stop();
    this.#preview?.pause();
  }

  close() {
    this.hide();
    this.#closing.abort();
    this.#results.close();
  }

  /** @param {string} state */
  #title(state) {
    if (this.#isShown) document.title = [state, this.#name, t("shell.batches"), "Huemill"].filter(Boolean).join(" · ");
  }

  /** @param {Job} job */
  #show(job) {
    fill(this.#outcome);
    if (job.status !== this.#status) {
      this.#status = job.status;
      noteSeen(this.#id, job);
      this.#showHead(job);
    }
    if (hasEnded(job)) return this.#showEnd(job);
    this.#wasLive = true;
    const percent = job.progress ?? 0;
    this.#showProgress(job, percent);
    this.#showActions(job, [this.#button("cancel", () => this.#cancel(), "danger")]);
    this.#title(formatPercent(percent / 100));
    this.#say(percent);
    if (job.status !== "processing") return;
    this.#preview ??= new Preview(this.#id, (pictures) => this.#results.add(pictures, job.request_id));
    this.#preview.update(job);
  }

  /** @param {Job} job */
  #showHead(job) {
    const count = job.total ?? this.#known?.count ?? (hasEnded(job) ? (job.results_count ?? 0) + (job.failed_count ?? 0) : null);
    const facts = [
      count !== null && count > 0 && [t("batches.job.pictures"), formatNumber(count)],
      [t("batches.job.created"), formatTime(job.created_at)],
      [t("batches.job.expires"), formatTime(job.expires_at)],
    ].filter((fact) => fact !== false);
    fill(
      this.#head,
      statusBadge(job.status),
      el(
        "dl",
        { class: "facts" },
        ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
        el("div", {}, el("dt", {}, t("batches.job.request")), el("dd", {}, el("code", { class: "request-id" }, job.request_id))),
      ),
    );
  }

  /** @param {Job} job @param {number} percent */
  #showProgress(job, percent) {
    this.#bar.value = percent;
    const eta = job.eta_s ? t("batches.job.eta", { time: formatDuration(job.eta_s) }) : t("batches.job.soon");
    this.#barText.textContent = `${formatPercent(percent / 100)} · ${job.status === "queued" ? t("batches.job.waiting") : eta}`;
    // The bar stays the same element, so that it moves instead of being made anew.
    if (!this.#bar.isConnected) fill(this.#progress, this.#bar, this.#barText);
  }

  /** @param {Job} job */
  #showEnd(job) {
    this.#preview?.pause();
    fill(this.#progress);
    const [done, failed] = [job.results_count ?? 0, job.failed_count ?? 0];
    const sentence = job.status === "failed" ? (job.user_message ?? t("batches.job.failed")) : t(`batches.job.${job.status}`, { count: done });
    fill(this.#progress, el("p", { class: "job-sum" }, sentence));
    const all = done > 0 && job.download_url ? el("a", { class: "button primary download-all", href: ownUrl(job.download_url).href, download: true }, t("batches.job.download")) : null;
    this.#showActions(job, [all, this.#button("delete", () => this.#delete(), "danger")]);
    this.#title(t(`batches.status.${job.status}`));
    this.#results.show(job);
    if (!this.#wasLive) return;
    this.#wasLive = false;
    announce(`${sentence} ${failed > 0 ? t("batches.results.failed", { count: failed }) : ""}`);
    const isBusy = document.querySelector("dialog[open]") || this.#results.element.contains(document.activeElement);
    if (!isBusy) this.#results.focus();
  }

  /** Buttons are made anew only if they change, so that none loses the focus. @param {Job} job @param {(HTMLElement | null)[]} buttons */
  #showActions(job, buttons) {
    const state = hasEnded(job) ? `${job.status} ${job.finished_at}` : "live";
    if (this.#actions.dataset.state === state) return;
    this.#actions.dataset.state = state;
    fill(this.#actions, ...buttons);
  }

  /** @param {string} name @param {() => Promise<void>} action @param {string} [kind] */
  #button(name, action, kind = "") {
    const run = async () => {
      button.disabled = true;
      try {
        await action();
      } catch (error) {
        if (!this.#closing.signal.aborted) fill(this.#outcome, problem(error, { retry: () => void run() }));
      } finally {
        button.disabled = false;
      }
    };
    const button = el("button", { type: "button", class: `${name}-job ${kind}`, onclick: () => void run() }, t(`batches.job.${name}`));
    return button;
  }

  async #cancel() {
    if (!(await this.#confirm("cancel"))) return;
    try {
      await send(jobPath(this.#id, "/cancel"), { method: "POST", signal: this.#closing.signal });
    } catch (error) {
      // It ended while the dialog was open.
      if (!(error instanceof ApiError && error.code === "JOB_NOT_CANCELABLE")) throw error;
    }
    await this.#watch.refresh();
  }

  async #delete() {
    if (!(await this.#confirm("delete"))) return;
    try {
      await send(jobPath(this.#id), { method: "DELETE", signal: this.#closing.signal });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    forget(this.#id);
    announce(t("batches.job.deleted"));
    location.hash = "#/batches";
  }

  /** @param {"cancel" | "delete"} name */
  #confirm(name) {
    const texts = { title: t(`batches.confirm.${name}.title`), text: t(`batches.confirm.${name}.text`), action: t(`batches.confirm.${name}.action`), keep: t(`batches.confirm.${name}.keep`) };
    return confirmed(texts, this.#closing.signal);
  }

  /** @param {unknown} error @param {boolean} isTemporary */
  #failed(error, isTemporary) {
    if (error instanceof ApiError && error.status === 404) return this.#gone(error.code === "EXPIRED_JOB");
    // What is shown already is not announced again with each attempt.
    if (isTemporary && this.#outcome.querySelector(".is-temporary")) return;
    const shown = problem(error, { retry: () => void this.#watch.refresh() });
    if (isTemporary) {
      shown.classList.add("is-temporary");
      shown.append(el("p", { class: "hint" }, t("batches.job.again")));
    }
    fill(this.#outcome, shown);
  }

  /** The service has the job no more, which is not a fault. @param {boolean} isExpired or else it is not known, or another key's */
  #gone(isExpired) {
    if (isExpired) noteGone(this.#id);
    this.#status = "gone";
    this.#preview?.pause();
    this.#title(t("batches.status.gone"));
    fill(this.#head, statusBadge("gone"));
    fill(this.#progress);
    fill(this.#actions);
    const text = el("p", {}, t(isExpired ? "batches.gone.text" : "batches.gone.unknown"));
    const remove = this.#known && el("button", { type: "button", class: "remove-job", onclick: () => { forget(this.#id); location.hash = "#/batches"; } }, t("batches.gone.remove"));
    fill(this.#outcome, el("div", { class: "panel gone" }, el("h2", {}, t("batches.gone.title")), text, el("div", { class: "actions" }, el("a", { class: "button primary", href: "#/batches" }, t("batches.gone.new")), remove)));
    announce(t("batches.gone.title"));
  }
}
