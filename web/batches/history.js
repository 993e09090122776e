// The list of one's own jobs, which the browser keeps: the newest first, the oldest dropped when there are too many.
import { store, stored } from "../lib/session.js";

/** @typedef {import("./types.js").KnownJob} KnownJob */
/** @typedef {import("./types.js").Job} Job */

const NAME = "jobs";
const MOST = 100;
/** The longest time that the service keeps a job, and some more, where its end was never seen. */
const LONGEST_SECONDS = 8 * 86_400;

/** @returns {KnownJob[]} */
export function knownJobs() {
  const list = stored(NAME, /** @type {KnownJob[]} */ ([]));
  return Array.isArray(list) ? list.filter((job) => typeof job?.id === "string" && typeof job.name === "string") : [];
}

/** @param {string} id */
export const knownJob = (id) => knownJobs().find((job) => job.id === id);

/** @param {KnownJob} job */
export function remember(job) {
  store(NAME, [job, ...knownJobs().filter(({ id }) => id !== job.id)].slice(0, MOST));
}

/** Keeps what was last seen of a job, if it is in the list. @param {string} id @param {Job} job */
export function noteSeen(id, job) {
  const settled = (job.results_count ?? 0) + (job.failed_count ?? 0);
  change(id, (known) => ({
    ...known,
    status: job.status,
    created_at: job.created_at,
    expires_at: job.expires_at,
    // A canceled job has settled some of its pictures alone.
    count: job.status === "completed" || job.status === "failed" ? settled : known.count,
  }));
}

/** Keeps that the service has the job no more. @param {string} id */
export const noteGone = (id) => change(id, (known) => ({ ...known, status: "gone" }));

/** @param {string} id */
export const forget = (id) => store(NAME, knownJobs().filter((job) => job.id !== id));

export const forgetAll = () => store(NAME, []);

/** Whether the service has the job no more, as far as the browser knows. @param {KnownJob} job */
export const isGone = ({ status, created_at, expires_at }) =>
  status === "gone" || (expires_at ?? created_at + LONGEST_SECONDS) * 1000 <= Date.now();

/** @param {string} id @param {(job: KnownJob) => KnownJob} changed */
function change(id, changed) {
  store(NAME, knownJobs().map((job) => (job.id === id ? changed(job) : job)));
}
