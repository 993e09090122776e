// The pictures of a job as a grid: results as they come, failures in between, and a filter for the failures.
import { el, fill, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { ExportMenu } from "./exports.js";
import { listenToStrips } from "./palette.js";
import { failureTile, resultTile } from "./tile.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./types.js").Job} Job */

/** Tiles that are made at a time, so that a thousand do not stop the page. */
const AT_ONCE = 20;

export class Results {
  #closing = new AbortController();
  #menu;
  #grid = el("ul", { class: "tiles" });
  #viewer = new Viewer(this.#grid, this.#closing.signal);
  #heading = el("h2", { tabindex: -1, id: uniqueId("results") }, t("batches.results.title"));
  #note = el("div", { class: "failure-note" });
  #filter = el("div", { class: "filter actions", role: "group", "aria-label": t("batches.results.filter") });
  /** @type {Job | null} */
  #shown = null;
  /** Counts how often tiles were begun, so that only the last time goes on. */
  #turn = 0;

  /** @param {string} id of the job */
  constructor(id) {
    this.#menu = new ExportMenu(id);
    this.element = el(
      "section",
      { class: "results", hidden: true, "aria-labelledby": this.#heading.id },
      el("div", { class: "results-head" }, this.#heading, this.#filter),
      this.#note,
      this.#grid,
      this.#menu.element,
      this.#viewer.element,
    );
    listenToStrips(this.#grid, this.#closing.signal);
    this.#grid.addEventListener("click", ({ target }) => {
      const button = target instanceof Element && target.closest(".export");
      if (button instanceof HTMLElement) this.#menu.open(button);
    });
  }

  focus() {
    this.#heading.focus({ preventScroll: true });
    this.#heading.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.#closing.abort();
    this.#menu.close();
    this.#viewer.close();
  }

  /** Adds pictures that settled before their job has ended. @param {import("./types.js").Pictures} pictures @param {string} requestId of the job */
  add({ results, failed }, requestId) {
    if (this.#shown) return;
    this.element.hidden = false;
    for (const tile of [...results.map(resultTile), ...failed.map((failure) => failureTile(failure, requestId))]) {
      tile.classList.add("is-new");
      let before = this.#grid.lastElementChild;
      while (before && indexOf(before) > indexOf(tile)) before = before.previousElementSibling;
      if (before) before.after(tile);
      else this.#grid.prepend(tile);
    }
  }

  /** Shows what a job that has ended made. @param {Job} job */
  show(job) {
    if (this.#shown?.finished_at === job.finished_at && this.#shown) return;
    this.#shown = job;
    const [results, failed] = [job.results ?? [], job.failed ?? []];
    this.element.hidden = results.length + failed.length === 0;
    const pictures = [
      ...results.map((result) => ({ index: result.index, isFailure: false, make: () => resultTile(result) })),
      ...failed.map((failure) => ({ index: failure.index, isFailure: true, make: () => failureTile(failure, job.request_id) })),
    ].sort((one, other) => one.index - other.index);
    void this.#settle(pictures);
    this.#showFailures(results.length, failed.length, job.request_id);
  }

  /**
   * Adds the tiles that are missing. Those that are right already stay, and so does the focus in them. Some at once, and the
   * rest after the browser had its turn.
   * @param {{ index: number, isFailure: boolean, make: () => HTMLElement }[]} pictures in order
   */
  async #settle(pictures) {
    const turn = (this.#turn += 1);
    let next = this.#grid.firstElementChild;
    let made = 0;
    const drop = () => {
      const old = next;
      next = old?.nextElementSibling ?? null;
      old?.remove();
    };
    for (const { index, isFailure, make } of pictures) {
      while (next && indexOf(next) < index) drop();
      if (next && indexOf(next) === index) {
        if (next.classList.contains("is-failure") === isFailure) {
          next = next.nextElementSibling;
          continue;
        }
        drop();
      }
      this.#grid.insertBefore(make(), next);
      made += 1;
      if (made % AT_ONCE !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve));
      if (this.#closing.signal.aborted || turn !== this.#turn) return;
    }
    while (next) drop();
  }

  /** @param {number} results @param {number} failed @param {string} requestId */
  #showFailures(results, failed, requestId) {
    const choose = (/** @type {boolean} */ isFailed) => {
      this.#grid.classList.toggle("only-failures", isFailed);
      for (const [at, button] of [...this.#filter.children].entries()) button.setAttribute("aria-pressed", String(isFailed === (at === 1)));
    };
    fill(this.#filter);
    fill(this.#note);
    if (failed === 0) return;
    fill(this.#note, el("p", {}, t("batches.results.failed", { count: failed }), " ", t("batches.results.quote"), " ", el("code", { class: "request-id" }, requestId)));
    if (results === 0) return;
    fill(
      this.#filter,
      el("button", { type: "button", class: "filter-all", onclick: () => choose(false) }, t("batches.results.all", { count: results + failed })),
      el("button", { type: "button", class: "filter-failed", onclick: () => choose(true) }, t("batches.results.onlyFailed", { count: failed })),
    );
    choose(false);
  }
}

/** @param {Element} tile */
const indexOf = (tile) => Number(/** @type {HTMLElement} */ (tile).dataset.index);
