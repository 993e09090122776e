// A list of rows from the service, page by page. It can be read again at any time: rows that are still there stay where
// they are, with whatever is open or focused in them.
import { json } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { showProblem } from "./pieces.js";

/** Rows of a page, and the most that the service gives at once. */
const PAGE = 20;
const MOST = 200;

/**
 * @template Row
 * @typedef {object} RowView
 * @property {HTMLElement} element a list item
 * @property {(row: Row) => void} update
 * @property {() => void} [close]
 */

/**
 * @template Row
 * @typedef {object} ListOptions
 * @property {string} path
 * @property {string} member the answer's member that has the rows
 * @property {boolean} [isPaged]
 * @property {(row: Row) => string} id
 * @property {(row: Row) => RowView<Row>} view
 * @property {string} label
 * @property {() => string} empty what to say if there are none
 * @property {(error: unknown) => boolean} absorb
 */

/** @template Row */
export class List {
  /** @type {Map<string, RowView<Row>>} */
  #rows = new Map();
  /** @type {string | null} */
  #cursor = null;
  /** @type {AbortController | null} */
  #running = null;
  /** @type {Record<string, string>} */
  #query = {};

  /** @param {ListOptions<Row>} options */
  constructor(options) {
    this.options = options;
    this.list = el("ul", { class: "rows", "aria-label": options.label });
    this.note = el("p", { class: "hint list-note", tabindex: -1 });
    this.trouble = el("div");
    this.more = el("button", { type: "button", class: "more", hidden: true, onclick: () => void this.#more() }, t("operations.more"));
    this.element = el("div", { class: "list" }, this.trouble, this.list, this.note, this.more);
  }

  get count() {
    return this.#rows.size;
  }

  /** Shows the first page of another query. @param {Record<string, string>} [query] */
  async load(query = {}) {
    this.#query = query;
    this.#drop();
    fill(this.trouble);
    this.note.textContent = t("operations.loading");
    await this.#run(async (signal) => {
      this.#take(await this.#page({ signal }));
      if (this.count > 0) announce(t("operations.shown", { count: this.count }));
    });
  }

  /** Reads again what is shown. @param {AbortSignal} signal */
  async refresh(signal) {
    if (this.#running) return;
    try {
      const limit = Math.min(MOST, Math.max(PAGE, this.count));
      const page = await this.#page({ signal, limit });
      if (signal.aborted || this.#running) return;
      fill(this.trouble);
      this.#take(page, this.count > MOST);
    } catch (error) {
      if (signal.aborted || this.options.absorb(error)) return;
      // One that is shown already is not said again every few seconds.
      if (this.trouble.childElementCount > 0) return;
      showProblem(this.trouble, error, { retry: () => void this.load(this.#query), takesFocus: false });
    }
  }

  close() {
    this.#running?.abort();
    this.#running = null;
    this.#drop();
  }

  async #more() {
    const cursor = this.#cursor;
    if (!cursor) return;
    const before = this.count;
    await this.#run(async (signal) => {
      const { rows, next } = await this.#page({ signal, cursor });
      for (const row of rows) this.#put(row);
      this.#cursor = next;
      this.#summarize();
      announce(t("operations.shown", { count: this.count }));
      const first = this.list.children[before];
      if (first instanceof HTMLElement) first.focus();
    });
  }

  /** Runs the one request of this list. @param {(signal: AbortSignal) => Promise<void>} work */
  async #run(work) {
    this.#running?.abort();
    const own = new AbortController();
    this.#running = own;
    try {
      await work(own.signal);
    } catch (error) {
      if (own.signal.aborted || this.options.absorb(error)) return;
      this.note.textContent = "";
      showProblem(this.trouble, error, { retry: () => void this.load(this.#query) });
    } finally {
      if (this.#running === own) this.#running = null;
    }
  }

  /**
   * @param {{ signal: AbortSignal, limit?: number, cursor?: string }} page
   * @returns {Promise<{ rows: Row[], next: string | null }>}
   */
  async #page({ signal, limit = PAGE, cursor }) {
    const { path, member, isPaged = true } = this.options;
    const query = new URLSearchParams(this.#query);
    if (isPaged) query.set("limit", String(limit));
    if (cursor) query.set("cursor", cursor);
    const body = await json(query.size > 0 ? `${path}?${query}` : path, { as: "operator", signal });
    return { rows: body[member], next: body.next_cursor ?? null };
  }

  /** Shows these rows, and those behind them if `keepsRest`. @param {{ rows: Row[], next: string | null }} page @param {boolean} [keepsRest] */
  #take({ rows, next }, keepsRest = false) {
    if (!keepsRest) {
      const ids = new Set(rows.map(this.options.id));
      for (const id of [...this.#rows.keys()]) if (!ids.has(id)) this.#remove(id);
      this.#cursor = next;
    }
    let place = this.list.firstElementChild;
    for (const row of rows) {
      const element = this.#put(row, place);
      if (element === place) place = place.nextElementSibling;
    }
    this.#summarize();
  }

  /** Shows a row before another, or brings it up to date. @param {Row} row @param {Element | null} [before] */
  #put(row, before = null) {
    const id = this.options.id(row);
    const known = this.#rows.get(id);
    if (known) {
      known.update(row);
      return known.element;
    }
    const view = this.options.view(row);
    view.element.tabIndex = -1;
    view.element.dataset.id = id;
    view.update(row);
    this.#rows.set(id, view);
    this.list.insertBefore(view.element, before);
    return view.element;
  }

  /** @param {string} id */
  #remove(id) {
    const view = this.#rows.get(id);
    if (!view) return;
    view.close?.();
    this.#rows.delete(id);
    const { element } = view;
    // Who was in this row goes on in the next one.
    const next = element.contains(document.activeElement) ? (element.nextElementSibling ?? element.previousElementSibling ?? this.note) : null;
    element.remove();
    if (next instanceof HTMLElement) next.focus({ preventScroll: true });
  }

  #drop() {
    for (const id of [...this.#rows.keys()]) this.#remove(id);
    this.#cursor = null;
    this.more.hidden = true;
  }

  #summarize() {
    this.more.hidden = this.#cursor === null;
    this.note.textContent = this.count === 0 ? this.options.empty() : this.#cursor ? t("operations.shown", { count: this.count }) : t("operations.all", { count: this.count });
  }
}
