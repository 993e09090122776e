// A job's status as a badge.
import { badge } from "../lib/badge.js";
import { t } from "../lib/texts.js";

/** @type {Record<import("./types.js").KnownJob["status"], import("../lib/badge.js").Level>} */
const LEVELS = { queued: "plain", processing: "plain", completed: "good", failed: "bad", canceled: "warning", gone: "plain" };

/** @param {import("./types.js").KnownJob["status"]} status */
export const statusBadge = (status) =>
  badge(t(`batches.status.${status}`), LEVELS[status], { status });
