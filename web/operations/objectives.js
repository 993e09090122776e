// The service level objectives, with the same events, thresholds and budgets as the rules in
// observability/prometheus/rules/slo.yml.

/** @typedef {import("./metrics.js").Metrics} Metrics */

/** Probes, monitoring and paths that do not exist are in no objective. @type {import("./metrics.js").Match} */
export const USER_ROUTES = { endpoint: (route) => !["/health", "/ready", "/metrics", "unmatched"].includes(route) };

/** The errors that are the service's own fault. */
export const SERVICE_ERRORS = { error_code: /^(INTERNAL_ERROR|OVERLOADED|NOT_READY)$/ };

/** Downloads of results take as long as their clients like. @type {import("./metrics.js").Match} */
const TIMED_ROUTES = {
  endpoint: (route) =>
    !["/health", "/ready", "/metrics", "unmatched"].includes(route) && !/^\/jobs\/.+\/results\.zip$/.test(route),
};

/** @param {number | null} a @param {number | null} b */
const minus = (a, b) => (a === null || b === null ? null : a - b);

/**
 * What took longer than a bucket's edge. Prometheus 3 writes whole edges with a decimal point.
 * @param {string} name
 * @param {number} edge
 * @param {import("./metrics.js").Match} [match]
 * @returns {Pick<Objective, "bad" | "events">}
 */
const within = (name, edge, match = {}) => ({
  bad: (m) => minus(m.sum(`${name}_count`, match), m.sum(`${name}_bucket`, { ...match, le: (le) => Number(le) === edge })),
  events: (m) => m.sum(`${name}_count`, match),
});

/** @type {Pick<Objective, "bad" | "events">} */
const FAULTS = {
  bad: (m) => m.sum("errors_total", { ...USER_ROUTES, ...SERVICE_ERRORS }) ?? 0,
  events: (m) => m.sum("requests_total", USER_ROUTES),
};

/**
 * @typedef {object} Objective
 * @property {string} name
 * @property {number} budget the share of events that may be bad
 * @property {(metrics: Metrics) => number | null} bad
 * @property {(metrics: Metrics) => number | null} events
 */

/** @type {Objective[]} */
export const OBJECTIVES = [
  { name: "availability", budget: 0.001, ...FAULTS },
  { name: "error_rate", budget: 0.01, ...FAULTS },
  { name: "http_latency", budget: 0.05, ...within("request_duration_ms", 2000, TIMED_ROUTES) },
  { name: "queue_latency", budget: 0.05, ...within("jobs_queue_latency_seconds", 60) },
  { name: "processing_duration", budget: 0.05, ...within("jobs_processing_duration_seconds", 300) },
  { name: "webhook_latency", budget: 0.05, ...within("webhook_first_try_latency_seconds", 5) },
  {
    name: "job_success",
    budget: 0.05,
    bad: (m) => m.sum("jobs_completed_total", { status: "failed" }),
    events: (m) => m.sum("jobs_completed_total", { status: /^(completed|failed)$/ }),
  },
];

/**
 * How an objective stands after so many events.
 * @param {number} budget
 * @param {number | null} bad
 * @param {number | null} events
 * @returns {{ good: number, burn: number, left: number, events: number, bad: number } | null} null without events
 */
export function standing(budget, bad, events) {
  if (bad === null || events === null || events <= 0) return null;
  const share = Math.max(0, bad) / events;
  const burn = share / budget;
  return { good: 1 - share, burn, left: 1 - burn, events, bad };
}
