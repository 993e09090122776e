// What an operator should look at, worst first: the conditions of the alerts in observability/prometheus/rules as far as
// one page can see them, each with the section of the runbook that says what to do.

/**
 * @typedef {object} Finding
 * @property {string} name of its text
 * @property {"bad" | "warning" | "note"} level
 * @property {string} runbook the section of the runbook
 * @property {string} [check] the dependency
 * @property {string} [reason] in the service's words
 * @property {string} [link] the section of this view that shows more
 * @property {Record<string, number | string>} [values] of its text
 */

/** A job should start within a minute (the objective), and people should look from half of it on. */
export const OLDEST_SECONDS = { warning: 30, bad: 60 };

/** The share of failed requests: an availability of 99.5 %, and HighErrorRate. */
export const ERROR_SHARE = { warning: 0.005, bad: 0.05 };

/** HighMemoryUsage. */
const RESIDENT_BYTES = 1e9;

/** The runbook's sections for dependencies that have one of their own. @type {Record<string, string>} */
const RUNBOOK = { disk: "DiskSpaceLow", actors: "ActorRestarting" };

/**
 * @param {import("./types.js").Ready} ready
 * @param {import("./readings.js").History} history
 * @returns {Finding[]}
 */
export function findings(ready, history) {
  const rank = { bad: 0, warning: 1, note: 2 };
  return [...readiness(ready), ...figures(history)].sort((a, b) => rank[a.level] - rank[b.level]);
}

/** @param {import("./types.js").Ready} ready @returns {Finding[]} */
function readiness(ready) {
  /** @type {Finding[]} */
  const found = [];
  if (ready.reason) found.push({ name: `reason.${ready.reason}`, level: "bad", runbook: "NotReady" });
  for (const [check, { ok, reason }] of Object.entries(ready.checks ?? {})) {
    if (ok && !reason) continue;
    found.push({ name: "check", level: ok ? "warning" : "bad", runbook: RUNBOOK[check] ?? "NotReady", check, reason });
  }
  const paused = ready.checks?.actors?.dispatcher?.queue_paused ?? [];
  if (paused.length > 0) found.push({ name: "paused", level: "warning", runbook: "JobQueueStalled", link: "queue" });
  const dispatcher = ready.checks?.actors?.dispatcher;
  if (dispatcher?.paused) {
    found.push({ name: "dispatch", level: "warning", runbook: "QueueLatencySLOBreach", reason: dispatcher.paused_by });
  }
  return found;
}

/** @param {import("./readings.js").History} history @returns {Finding[]} */
function figures(history) {
  const values = history.own().at(-1)?.values ?? {};
  const at = (/** @type {string} */ name) => values[name] ?? 0;
  return [
    ...faults(history),
    ...queue(history, at),
    ...webhooks(history, at),
    ...(at("stalled") > 0
      ? [finding("stalled", "bad", "JobNotProgressing", { count: at("stalled") }, "jobs/processing")]
      : []),
    ...((history.increase("restarts")?.by ?? 0) > 0
      ? [finding("restarts", "warning", "ActorRestarting", { count: history.increase("restarts")?.by ?? 0 })]
      : []),
    ...(at("resident") > RESIDENT_BYTES ? [finding("memory", "note", "HighMemoryUsage")] : []),
  ];
}

/** @param {import("./readings.js").History} history @returns {Finding[]} */
function faults(history) {
  const [bad, all] = [history.increase("faults", 5 * 60_000), history.increase("requests", 5 * 60_000)];
  if (!bad || !all || all.by === 0) return [];
  const share = bad.by / all.by;
  if (share > ERROR_SHARE.bad && bad.by >= 3) return [finding("errors", "bad", "HighErrorRate", { share })];
  // Some refusals are no alarm: ten more than the objective allows are.
  const excess = bad.by - ERROR_SHARE.warning * all.by;
  return share > ERROR_SHARE.warning && excess >= 10 ? [finding("errors", "warning", "AvailabilityBelowTarget", { share })] : [];
}

/** @param {import("./readings.js").History} history @param {(name: string) => number} at @returns {Finding[]} */
function queue(history, at) {
  if (at("oldest") <= OLDEST_SECONDS.bad || at("pauses") > 0) return [];
  const [started, pictures, ended] = ["started", "pictures", "ended"].map((name) => history.increase(name, 10 * 60_000));
  const isStill = started && started.ms > 9.5 * 60_000 && started.by + (pictures?.by ?? 0) + (ended?.by ?? 0) === 0;
  const values = { seconds: at("oldest") };
  if (isStill && at("queued") > 0) return [finding("queue_stalled", "bad", "JobQueueStalled", values, "queue")];
  return [finding("oldest", "warning", "QueueLatencySLOBreach", values, "jobs/queued")];
}

/** @param {import("./readings.js").History} history @param {(name: string) => number} at @returns {Finding[]} */
function webhooks(history, at) {
  /** @type {Finding[]} */
  const found = [];
  const [failures, attempts] = [history.increase("failures"), history.increase("attempts")];
  if (failures && attempts && failures.by >= 3 && failures.by / Math.max(1, attempts.by) > 0.1) {
    const share = Math.min(1, failures.by / Math.max(1, attempts.by));
    // One receiver's failures are its owner's problem, and /metrics may not name receivers.
    found.push(finding("webhooks", "note", "WebhookFailures", { share }, "webhooks/pending"));
  }
  if (at("dead") > 0) found.push(finding("dead", "note", "DeadLetters", { count: at("dead") }, "webhooks/dead"));
  return found;
}

/**
 * @param {string} name
 * @param {Finding["level"]} level
 * @param {string} runbook
 * @param {Finding["values"]} [values]
 * @param {string} [link]
 * @returns {Finding}
 */
const finding = (name, level, runbook, values, link) => ({ name, level, runbook, values, link });
