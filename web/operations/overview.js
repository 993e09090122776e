// The overview: the verdict at a glance, the first figures, the dependencies, the budgets, and the last fifteen minutes as
// a table.
import { el, fill } from "../lib/dom.js";
import { formatBytes, formatNumber, formatPercent, t } from "../lib/texts.js";
import { createBudgets } from "./budgets.js";
import { table } from "./charts.js";
import { createChecks } from "./checks.js";
import { createFigures } from "./figures.js";
import { shortDuration } from "./numbers.js";
import { showProblem } from "./pieces.js";
import { clockTime } from "./times.js";
import { createVerdict } from "./verdict.js";

/** @typedef {import("./monitor.js").MonitorState} MonitorState */

/** A figure that is older than this is no longer fresh. */
const FRESH_MS = 20_000;

/** The columns of the table. @type {[string, (value: number) => string][]} */
const COLUMNS = [
  ["queued", formatNumber],
  ["oldest", shortDuration],
  ["busy", formatNumber],
  ["errors", (value) => formatPercent(value, 1)],
  ["active", formatNumber],
  ["memory", formatBytes],
  ["disk", formatBytes],
];

/** @returns {import("./types.js").Section} */
export function createOverview() {
  const [verdict, figures, checks, budgets] = [createVerdict(), createFigures(), createChecks(), createBudgets()];
  const old = el("p", { class: "stale-note", hidden: true });
  const trouble = el("div");
  const past = el("details", { class: "panel past" }, el("summary", {}, t("operations.past")));
  const pastTable = el("div");
  past.append(pastTable);
  const numbers = el("div", { class: "numbers" }, old, figures.element, trouble, el("div", { class: "columns" }, checks.element, budgets.element), past);
  /** @type {MonitorState | null} */
  let latest = null;
  past.addEventListener("toggle", () => latest && showPast(latest));
  const showPast = (/** @type {MonitorState} */ { history }) => fill(pastTable, past.open ? pastRows(history) : null);
  return {
    element: el("div", { class: "overview" }, verdict.element, el("div", { class: "gate-place" }), numbers),
    render(state) {
      latest = state;
      verdict.render(state);
      figures.render(state);
      checks.render(state);
      budgets.render(state);
      numbers.hidden = !state.ready?.checks;
      const age = Date.now() - (state.contact ?? 0);
      const isOld = state.contact !== null && age > FRESH_MS;
      numbers.classList.toggle("stale", isOld || state.lost !== null);
      old.hidden = !(isOld || state.lost) || state.contact === null;
      old.textContent = old.hidden || state.contact === null ? "" : t("operations.stale", { time: clockTime(state.contact) });
      if (!state.problem) fill(trouble);
      else if (trouble.childElementCount === 0) showProblem(trouble, state.problem, { takesFocus: false });
      if (past.open && !pastTable.contains(document.activeElement)) showPast(state);
    },
  };
}

/** One row for each minute. @param {import("./readings.js").History} history */
function pastRows(history) {
  /** @type {Map<number, import("./readings.js").Reading>} */
  const minutes = new Map();
  for (const one of history.own()) minutes.set(Math.floor(one.at / 60_000), one);
  const rows = [...minutes.values()].reverse().map(({ at, values }) => [
    clockTime(at),
    ...COLUMNS.map(([name, format]) => (values[name] === null || values[name] === undefined ? "–" : format(values[name]))),
  ]);
  return table(t("operations.past"), [t("operations.time"), ...COLUMNS.map(([name]) => t(`operations.figure.${name}.name`))], rows);
}
