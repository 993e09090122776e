// A job's status as a badge.
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @type {Record<import("./types.js").KnownJob["status"], string>} */
const KINDS = { queued: "", processing: "", completed: "good", failed: "bad", canceled: "warning", gone: "" };

/** @param {import("./types.js").KnownJob["status"]} status */
export const statusBadge = (status) =>
  el("span", { class: `badge ${KINDS[status]}`, data: { status } }, t(`batches.status.${status}`));
