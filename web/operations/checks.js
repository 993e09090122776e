// The dependencies that /ready checks, with their figures and reasons.
import { el, fill } from "../lib/dom.js";
import { formatBytes, formatNumber, t } from "../lib/texts.js";
import { checkName, mark, reasonText } from "./verdict.js";

/** @typedef {import("./types.js").Check} Check */

/** The figures that have a name for people, in their order. */
const KNOWN = [
  "free_bytes", "least_bytes", "used_bytes", "most_bytes", "total_bytes", "store_ms", "blobs_ms", "busy", "slots", "queued",
  "abandoned", "canary_ms", "up", "restarts",
];

/** Shows the checks, which `render` brings up to date. */
export function createChecks() {
  const list = el("ul", { class: "checks" });
  const element = el("section", { class: "panel" }, el("h2", {}, t("operations.checks")), list);
  return {
    element,
    /** @param {import("./monitor.js").MonitorState} state */
    render({ ready }) {
      const checks = Object.entries(ready?.checks ?? {});
      element.hidden = checks.length === 0;
      fill(list, ...checks.map(([name, check]) => item(name, check)));
    },
  };
}

/** @param {string} name @param {Check} check */
function item(name, check) {
  const level = check.ok ? (check.reason ? "warning" : "good") : "bad";
  return el(
    "li",
    { data: { check: name, level } },
    mark(level),
    el(
      "div",
      {},
      el(
        "p",
        { class: "check-name" },
        el("strong", {}, checkName(name)),
        " ",
        el("span", { class: "check-state" }, t(check.ok ? "operations.fine" : "operations.failed")),
        check.shared ? ` · ${t("operations.shared")}` : null,
      ),
      check.reason ? el("p", { class: "check-reason" }, reasonText(check.reason)) : null,
      el("p", { class: "hint" }, figures(check).join(" · ")),
    ),
  );
}

/** @param {Check} check @returns {string[]} */
function figures(check) {
  const numbers = Object.entries(check).filter(([, value]) => typeof value === "number");
  const place = (/** @type {string} */ name) => (KNOWN.indexOf(name) + KNOWN.length + 1) % (KNOWN.length + 1);
  return numbers.sort(([a], [b]) => place(a) - place(b)).map(([name, value]) => {
    const label = KNOWN.includes(name) ? t(`operations.check_figure.${name}`) : name;
    return `${label} ${format(name, Number(value))}`;
  });
}

/** @param {string} name @param {number} value */
function format(name, value) {
  if (name.endsWith("_bytes")) return formatBytes(value);
  if (name.endsWith("_ms")) return formatNumber(value, { style: "unit", unit: "millisecond", unitDisplay: "short" });
  return formatNumber(value);
}
