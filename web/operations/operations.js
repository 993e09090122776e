// The Operations view: the frame with its sections, the key, and the reading of figures that all sections share.
import { ApiError } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { icon } from "../lib/icon.js";
import { askForKey } from "../lib/key.js";
import { key, setKey } from "../lib/session.js";
import { t } from "../lib/texts.js";
import { Gate } from "./gate.js";
import { createJobs } from "./jobs.js";
import { createKeys } from "./keys.js";
import { Monitor } from "./monitor.js";
import { createOverview } from "./overview.js";
import { createProcesses } from "./processes.js";
import { createQueue } from "./queue.js";
import { ago, updateAges } from "./times.js";
import { mark, verdictOf } from "./verdict.js";
import { createWebhooks } from "./webhooks.js";

/** The sections by the name that their address has; the overview has none. */
const SECTIONS = /** @type {const} */ (["", "jobs", "webhooks", "queue", "processes", "keys"]);

/** @typedef {(typeof SECTIONS)[number]} SectionName */
/** @typedef {import("./types.js").Section} Section */

/** @returns {import("../app.js").View} */
export function createView() {
  return new Operations().view();
}

class Operations {
  #gate = new Gate();
  /** @type {Map<SectionName, Section>} */
  #sections = new Map();
  /** @type {SectionName} */
  #current = "";
  /** @type {string[]} */
  #parts = [];
  #monitor = new Monitor({
    onChange: () => this.#render(),
    absorb: (error) => this.#absorb(error),
    then: async (signal) => this.#section().refresh?.(signal),
  });
  #body = el("div", { class: "operations-body" });
  #status = el("a", { class: "status", href: "#/operations" });
  #updated = el("p", { class: "updated" });
  #pause = el("button", { type: "button", class: "quiet", data: { action: "pause" }, onclick: () => this.#togglePause() });
  #key = el("button", { type: "button", class: "quiet", data: { action: "key" }, onclick: () => void askForKey("operator") }, icon("key"), el("span", {}, t("operations.key")));
  #head = el("div", { class: "operations-head" }, el("h1", {}, t("operations.title")), this.#status, el("div", { class: "refreshing" }, this.#updated, this.#pause, this.#key));
  #nav = el("nav", { class: "sections", "aria-label": t("operations.sections") });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;
  #wasKeyed = false;
  /** @param {Event} event */
  #onKey = (event) => {
    if (event instanceof CustomEvent && event.detail === "operator") this.#keyChanged();
  };

  /** @returns {import("../app.js").View} */
  view() {
    fill(this.#nav, ...SECTIONS.map((name) => el("a", { href: `#/operations${name && `/${name}`}`, data: { section: name } }, t(`operations.section.${name || "overview"}`))));
    window.addEventListener("huemill:key", this.#onKey);
    this.#wasKeyed = key("operator") !== null;
    return {
      element: el(
        "section",
        { class: "operations" },
        this.#head,
        this.#nav,
        this.#body,
      ),
      show: (parts) => this.#show(parts),
      hide: () => this.#hide(),
      close: () => this.#close(),
    };
  }

  /** @param {string[]} parts */
  #show([first = "", ...parts]) {
    const name = SECTIONS.find((section) => section === first) ?? "";
    if (name !== this.#current) this.#sections.get(this.#current)?.hide?.();
    this.#current = name;
    this.#parts = parts;
    this.#head.dataset.section = name;
    for (const link of this.#nav.children) {
      if (/** @type {HTMLElement} */ (link).dataset.section === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#place();
    this.#monitor.start();
    clearInterval(this.#clock);
    this.#clock = setInterval(() => this.#tick(), 1000);
  }

  /** Shows the section, or the form for the key if it is missing. */
  #place() {
    const isOpen = key("operator") !== null && !this.#monitor.state.isElsewhere;
    const needsKey = this.#current !== "";
    this.#gate.show({ isElsewhere: this.#monitor.state.isElsewhere });
    this.#gate.element.hidden = isOpen;
    this.#key.hidden = key("operator") === null;
    const shown = needsKey && !isOpen ? this.#gate.element : this.#section().element;
    // The overview has a place for the form.
    if (!needsKey) this.#section().element.querySelector(".gate-place")?.replaceChildren(this.#gate.element);
    if (this.#body.firstElementChild !== shown) fill(this.#body, shown);
    if (shown !== this.#gate.element) this.#section().show?.(this.#parts);
    this.#render();
  }

  /** @returns {Section} */
  #section() {
    const known = this.#sections.get(this.#current);
    if (known) return known;
    /** @type {import("./types.js").Context} */
    const context = { absorb: (error) => this.#absorb(error), refresh: () => this.#monitor.readNow() };
    const create = { "": createOverview, jobs: createJobs, webhooks: createWebhooks, queue: createQueue, processes: createProcesses, keys: createKeys };
    const section = create[this.#current](context);
    this.#sections.set(this.#current, section);
    return section;
  }

  #render() {
    const { state } = this.#monitor;
    const isPlaced = this.#current === "" || this.#gate.element.hidden;
    if (state.isElsewhere && this.#gate.element.hidden) return this.#place();
    this.#gate.show({ isElsewhere: state.isElsewhere });
    const { level, word } = verdictOf(state);
    this.#status.dataset.level = level;
    if (this.#status.textContent !== word) fill(this.#status, mark(level), el("span", {}, word));
    const pauseText = t(state.isPaused ? "operations.resume_updates" : "operations.pause_updates");
    if (this.#pause.textContent !== pauseText) fill(this.#pause, icon(state.isPaused ? "go" : "pause"), el("span", {}, pauseText));
    this.#pause.setAttribute("aria-label", t(state.isPaused ? "operations.resume_updates_label" : "operations.pause_updates_label"));
    // The overview says itself which of its figures are old.
    this.#body.classList.toggle("stale", this.#current !== "" && state.lost !== null);
    if (isPlaced) this.#section().render?.(state);
    this.#tick();
  }

  #tick() {
    const { state } = this.#monitor;
    const text = state.isPaused ? "operations.paused" : state.lost ? "operations.lost" : "operations.updated";
    if (this.#updated.dataset.text !== `${text} ${state.contact}`) {
      this.#updated.dataset.text = `${text} ${state.contact}`;
      const isFresh = text === "operations.updated";
      fill(this.#updated, ...(state.contact ? [el("span", { class: isFresh ? "updated-word" : "" }, `${t(text)} `), ago(state.contact / 1000, true)] : [t("operations.loading")]));
    }
    updateAges(this.#body.parentElement ?? this.#body);
    // Figures grow old also while nothing is read.
    if (this.#current === "" && state.contact && Date.now() - state.contact > 10_000) this.#section().render?.(state);
  }

  #togglePause() {
    this.#monitor.togglePause();
    announce(t(this.#monitor.state.isPaused ? "operations.paused" : "operations.resumed"));
  }

  /** @param {unknown} error @returns {boolean} */
  #absorb(error) {
    if (!(error instanceof ApiError)) return false;
    if (error.code === "UNAUTHORIZED" || error.code === "FORBIDDEN") {
      if (key("operator") === null) return true;
      setKey("operator", null);
      this.#gate.show({ isElsewhere: false, reason: t(error.code === "FORBIDDEN" ? "operations.gate.forbidden" : "operations.gate.refused") });
      return true;
    }
    return false;
  }

  #keyChanged() {
    const isKeyed = key("operator") !== null;
    for (const section of this.#sections.values()) section.hide?.();
    // What an operator saw is not for whoever comes next.
    this.#sections.clear();
    this.#monitor.forget();
    this.#gate.clear();
    if (!this.#body.isConnected) return;
    this.#place();
    this.#monitor.readNow();
    if (isKeyed && !this.#wasKeyed) {
      announce(t("operations.gate.done"));
      /** @type {HTMLElement | null} */ (this.#nav.querySelector("a[aria-current]"))?.focus();
    }
    this.#wasKeyed = isKeyed;
  }

  #hide() {
    this.#monitor.stop();
    clearInterval(this.#clock);
    this.#sections.get(this.#current)?.hide?.();
  }

  #close() {
    this.#hide();
    for (const section of this.#sections.values()) section.hide?.();
    window.removeEventListener("huemill:key", this.#onKey);
  }
}
