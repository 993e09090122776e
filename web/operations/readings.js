// Turns an answer of /ready and a scrape of /metrics into the few numbers that the page keeps, and computes what they did
// over a while. No more is kept of a scrape, so that fifteen minutes of them take little memory.
import { OBJECTIVES, SERVICE_ERRORS, USER_ROUTES } from "./objectives.js";

/** @typedef {import("./metrics.js").Metrics} Metrics */

/**
 * @typedef {object} Reading
 * @property {number} at when it was read, in milliseconds of the browser's clock
 * @property {number | null} start when the process that answered was started, which tells processes apart
 * @property {Record<string, number | null>} values
 */

/** How long readings are kept: fifteen minutes. */
export const KEPT_MS = 15 * 60_000;

/** Two readings that are further apart than this have a gap between them. */
export const GAP_MS = 20_000;

/** @type {Record<string, (metrics: Metrics) => number | null>} */
const FROM_METRICS = {
  queued: (m) => m.max("jobs_queued_images"),
  oldest: (m) => m.max("jobs_oldest_queued_age_seconds"),
  busy: (m) => m.sum("worker_slots_busy"),
  slots: (m) => m.sum("worker_slots"),
  waiting: (m) => m.sum("worker_queue_depth"),
  requests: (m) => m.sum("requests_total", USER_ROUTES),
  faults: (m) => m.sum("errors_total", { ...USER_ROUTES, ...SERVICE_ERRORS }),
  created: (m) => m.sum("jobs_total"),
  ended: (m) => m.sum("jobs_completed_total"),
  started: (m) => m.sum("jobs_queue_latency_seconds_count"),
  pictures: (m) => m.sum("images_processed_total", { endpoint: "/jobs" }),
  resident: (m) => m.sum("process_resident_memory_bytes"),
  memory: (m) => m.max("memory_used_bytes"),
  disk: (m) => m.max("disk_free_bytes"),
  blobs: (m) => m.max("blob_store_bytes"),
  pauses: (m) => m.max("jobs_queue_paused"),
  stalled: (m) => m.max("jobs_stalled"),
  processes: (m) => m.max("processes_alive"),
  restarts: (m) => m.sum("actor_restarts_total"),
  pending: (m) => m.max("webhooks_pending"),
  dead: (m) => m.max("webhooks_dead"),
  attempts: (m) => m.sum("webhook_attempts_total"),
  failures: (m) => m.sum("webhook_failures_total"),
};

/** The current number of jobs by status. @param {Metrics} metrics @returns {Record<string, number>} */
export const jobsByStatus = (metrics) =>
  Object.fromEntries(metrics.series("jobs_current").map(({ labels, value }) => [labels.status ?? "", value]));

/**
 * @param {import("./types.js").Ready} ready
 * @param {Metrics | null} metrics
 * @param {number} at
 * @returns {Reading}
 */
export function reading(ready, metrics, at) {
  /** @type {Record<string, number | null>} */
  const values = { active: ready.active_requests ?? null, errors: ready.error_rate_last_5m ?? null };
  const workers = ready.checks?.workers;
  values.busy = numberOf(workers?.busy);
  values.slots = numberOf(workers?.slots);
  values.waiting = numberOf(workers?.queued);
  values.memory = numberOf(ready.checks?.mem?.used_bytes);
  values.disk = numberOf(ready.checks?.disk?.free_bytes);
  if (!metrics) return { at, start: null, values };
  for (const [name, read] of Object.entries(FROM_METRICS)) values[name] = read(metrics) ?? values[name] ?? null;
  for (const { name, bad, events } of OBJECTIVES) {
    values[`${name}.bad`] = bad(metrics);
    values[`${name}.events`] = events(metrics);
  }
  return { at, start: metrics.sum("process_start_time_seconds"), values };
}

/** @param {unknown} value */
const numberOf = (value) => (typeof value === "number" ? value : null);

/** The readings of the last fifteen minutes. */
export class History {
  constructor() {
    /** @type {Reading[]} */
    this.readings = [];
  }

  /** @param {Reading} reading */
  add(reading) {
    this.readings = this.readings.filter(({ at }) => at > reading.at - KEPT_MS);
    this.readings.push(reading);
  }

  /** The readings of the process that answered last: several may share an address, each with its own counters. */
  own() {
    const start = this.readings.at(-1)?.start ?? null;
    return start === null ? this.readings : this.readings.filter((one) => one.start === null || one.start === start);
  }

  /** How many processes have answered. */
  processes() {
    return new Set(this.readings.map(({ start }) => start).filter((start) => start !== null)).size;
  }

  /** @param {string} name @returns {{ at: number, value: number | null }[]} */
  series(name) {
    return this.own().map(({ at, values }) => ({ at, value: values[name] ?? null }));
  }

  /**
   * How much a counter grew within a time, and over how long that was really seen.
   * @param {string} name
   * @param {number} [within] in milliseconds
   * @returns {{ by: number, ms: number } | null} null if it was not seen twice
   */
  increase(name, within = KEPT_MS) {
    const known = this.series(name).filter(({ value }) => value !== null);
    const last = known.at(-1);
    const first = last && known.find(({ at }) => at >= last.at - within);
    if (!first || first === last) return null;
    return { by: Math.max(0, (last.value ?? 0) - (first.value ?? 0)), ms: last.at - first.at };
  }

  /** How much a counter grows in a minute. @param {string} name @param {number} [within] */
  perMinute(name, within = 5 * 60_000) {
    const grown = this.increase(name, within);
    return grown && (grown.by / grown.ms) * 60_000;
  }

  /** A counter's growth in each of the last fifteen minutes, the oldest first; null where it was not seen. @param {string} name */
  minutes(name) {
    const known = this.series(name).filter(({ value }) => value !== null);
    const end = known.at(-1)?.at ?? 0;
    // What a counter was at a time, if it was read then or a little earlier.
    const at = (/** @type {number} */ time) => known.findLast((one) => one.at <= time && one.at > time - GAP_MS)?.value ?? null;
    return Array.from({ length: KEPT_MS / 60_000 }, (_, index) => {
      const to = end - (KEPT_MS / 60_000 - 1 - index) * 60_000;
      const [before, after] = [at(to - 60_000), at(to)];
      return before === null || after === null ? null : Math.max(0, after - before);
    });
  }
}
