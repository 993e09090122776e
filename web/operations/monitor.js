// Reads /ready and /metrics every few seconds while the view is seen, one request at a time, and remembers when the
// service was last reached. Without the operator's key only /ready is read.
import { ApiError, networkError, send, url } from "../lib/api.js";
import { parseMetrics } from "./metrics.js";
import { key } from "../lib/session.js";
import { t } from "../lib/texts.js";
import { setServerTime } from "./times.js";
import { History, jobsByStatus, reading } from "./readings.js";

/** @typedef {import("./types.js").Ready} Ready */

/** How long after one reading the next begins. */
const INTERVAL_MS = 5_000;

/** How long a request may take: /ready and /metrics answer at once, or something is wrong. */
const TIMEOUT_MS = 8_000;

/**
 * @typedef {object} MonitorState
 * @property {Ready | null} ready the last answer of /ready
 * @property {Record<string, number> | null} jobs by status
 * @property {History} history
 * @property {number | null} contact when the service last answered, in milliseconds of the browser's clock
 * @property {ApiError | null} lost why it cannot be reached
 * @property {unknown} problem why there are no metrics
 * @property {{ at: number, isKnown: boolean } | null} since since when it is ready or not; seen to change, or at least
 * @property {boolean} isPaused
 * @property {boolean} isElsewhere whether operators have a listener of their own, which is not this one
 */

export class Monitor {
  /** @type {MonitorState} */
  state = {
    ready: null, jobs: null, history: new History(), contact: null, lost: null, problem: null, since: null,
    isPaused: false, isElsewhere: false,
  };
  #isShown = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {object} options
   * @param {() => void} options.onChange called after each reading
   * @param {(error: unknown) => boolean} options.absorb handles an error that concerns the whole view
   * @param {(signal: AbortSignal) => Promise<void>} options.then what else to read, after the figures
   */
  constructor({ onChange, absorb, then }) {
    this.onChange = onChange;
    this.absorb = absorb;
    this.then = then;
    this.onVisibility = () => this.#schedule(0);
  }

  start() {
    if (this.#isShown) return;
    this.#isShown = true;
    document.addEventListener("visibilitychange", this.onVisibility);
    this.#schedule(0);
  }

  stop() {
    this.#isShown = false;
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  togglePause() {
    this.state.isPaused = !this.state.isPaused;
    if (this.state.isPaused) this.#running?.abort();
    this.onChange();
    this.#schedule(0);
  }

  /** Reads at once, also while paused. */
  readNow() {
    this.#running?.abort();
    void this.#read();
  }

  /** Forgets what only an operator may see. */
  forget() {
    this.state.jobs = null;
    this.state.problem = null;
    this.state.isElsewhere = false;
    this.state.history = new History();
  }

  #schedule(/** @type {number} */ delay) {
    clearTimeout(this.#timer);
    if (!this.#isShown || this.state.isPaused || document.hidden) return;
    this.#timer = setTimeout(() => void this.#read(), delay);
  }

  async #read() {
    clearTimeout(this.#timer);
    if (this.#running && !this.#running.signal.aborted) return;
    const own = new AbortController();
    this.#running = own;
    try {
      const ready = await readReady(timed(own.signal));
      const metrics = await this.#readMetrics(ready, own.signal);
      if (own.signal.aborted) return;
      this.#take(ready, metrics);
      this.onChange();
      if (key("operator") && !this.state.isElsewhere) await this.then(own.signal);
    } catch (error) {
      if (own.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.state.lost = error;
      this.onChange();
    } finally {
      if (this.#running === own) {
        this.#running = null;
        this.#schedule(INTERVAL_MS);
      }
    }
  }

  /** @param {Ready} ready @param {AbortSignal} signal */
  async #readMetrics(ready, signal) {
    this.state.isElsewhere ||= ready.checks === undefined;
    if (!key("operator") || this.state.isElsewhere) return null;
    try {
      const response = await send("metrics", { as: "operator", signal: timed(signal) });
      const metrics = parseMetrics(await response.text());
      this.state.problem = null;
      return metrics;
    } catch (error) {
      if (signal.aborted) return null;
      // The time may also run out while the answer comes.
      const problem = error instanceof ApiError ? error : networkError();
      if (!this.absorb(problem)) this.state.problem = problem;
      return null;
    }
  }

  /** @param {Ready} ready @param {import("./metrics.js").Metrics | null} metrics */
  #take(ready, metrics) {
    const now = Date.now();
    const { state } = this;
    const hasChanged = state.ready !== null && state.ready.ready !== ready.ready;
    if (hasChanged || state.since === null) state.since = { at: now, isKnown: hasChanged };
    state.ready = ready;
    state.lost = null;
    state.contact = now;
    state.jobs = metrics ? jobsByStatus(metrics) : null;
    state.history.add(reading(ready, metrics, now));
  }
}

/** @param {AbortSignal} signal */
const timed = (signal) => AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);

/** Reads /ready, whose 503 is an answer like its 200. @param {AbortSignal} signal @returns {Promise<Ready>} */
async function readReady(signal) {
  let response;
  try {
    response = await fetch(url("ready"), { credentials: "omit", signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, code: "NETWORK", message: t("operations.verdict.unreachable") });
  }
  const body = await response.json().catch(() => null);
  if (typeof body?.ready !== "boolean") {
    throw new ApiError({ status: response.status, code: "UNKNOWN", message: t("error.unknown", { status: String(response.status) }) });
  }
  setServerTime(response.headers.get("Date"));
  return body;
}
