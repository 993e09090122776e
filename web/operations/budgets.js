// How much of each objective's error budget is left, from the counters of the process that answered, and how fast it burns
// in the minutes that the page has seen.
import { el, fill } from "../lib/dom.js";
import { formatDuration, formatNumber, formatPercent, t } from "../lib/texts.js";
import { bar } from "./charts.js";
import { OBJECTIVES, standing } from "./objectives.js";

/** The burn rate that pages, over an hour and five minutes. */
const FAST_BURN = 14.4;

/** A burn rate over less than this says nothing. */
const LEAST_SECONDS = 3;

/** @typedef {import("./readings.js").History} History */

/** Shows the budgets, which `render` brings up to date. */
export function createBudgets() {
  const rows = el("ul", { class: "budgets" });
  const note = el("p", { class: "hint" });
  const element = el("section", { class: "panel" }, el("h2", {}, t("operations.budgets")), rows, note);
  return {
    element,
    /** @param {import("./monitor.js").MonitorState} state */
    render({ history, ready }) {
      const latest = history.own().at(-1);
      element.hidden = !latest || latest.start === null;
      if (!latest || latest.start === null) return;
      const seen = Math.round((latest.at - (history.own()[0]?.at ?? latest.at)) / 1000);
      const hasBurn = seen >= LEAST_SECONDS;
      fill(rows, ...OBJECTIVES.map(({ name, budget }) => item(name, budget, latest.values, hasBurn ? history : null)));
      const sentences = [
        t("operations.budgets_note", { uptime: formatDuration(Math.max(1, ready?.uptime_seconds ?? 0)) }),
        hasBurn && t("operations.burn_note", { seen: formatDuration(seen) }),
        t("operations.budgets_alerts"),
        history.processes() > 1 && t("operations.several", { count: history.processes() }),
      ];
      note.textContent = sentences.filter(Boolean).join(" ");
    },
  };
}

/** @param {ReturnType<typeof standing>} whole */
function left(whole) {
  if (!whole) return t("operations.no_events");
  if (whole.left < 0) return t("operations.budget_over", { rate: formatNumber(whole.burn, { maximumFractionDigits: 1 }) });
  return t("operations.budget_left", { share: formatPercent(whole.left, 0) });
}

/** @param {string} name @param {number} budget @param {Record<string, number | null>} values @param {History | null} history null while it is too short */
function item(name, budget, values, history) {
  const whole = standing(budget, values[`${name}.bad`] ?? null, values[`${name}.events`] ?? null);
  const now = standing(budget, history?.increase(`${name}.bad`)?.by ?? null, history?.increase(`${name}.events`)?.by ?? null);
  const level = !whole ? "plain" : whole.left < 0 || (now?.burn ?? 0) > FAST_BURN ? "bad" : whole.left < 0.5 ? "warning" : "good";
  return el(
    "li",
    { data: { objective: name, level } },
    el("p", { class: "objective" }, t(`operations.objective.${name}`)),
    bar(whole ? Math.max(0, whole.left) : 0, { level: whole ? level : "plain" }),
    el("p", { class: "budget-left" }, left(whole)),
    whole ? el("p", { class: "hint" }, t("operations.budget_detail", { good: formatPercent(whole.good, 2), bad: whole.bad, count: whole.events }), now ? ` · ${t("operations.burn", { rate: formatNumber(now.burn, { maximumFractionDigits: 1 }) })}` : null) : null,
  );
}
