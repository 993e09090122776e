// The figures that an operator looks at first, each with a line over the last fifteen minutes.
import { el, fill } from "../lib/dom.js";
import { formatBytes, formatNumber, formatPercent, t } from "../lib/texts.js";
import { bar, columns, sparkline } from "./charts.js";
import { ERROR_SHARE, OLDEST_SECONDS } from "./findings.js";
import { perMinute, shortDuration } from "./numbers.js";

/** @typedef {import("./monitor.js").MonitorState} MonitorState */
/** @typedef {Record<string, number | null>} Values */
/** @typedef {"plain" | "warning" | "bad"} Level */

/**
 * @typedef {object} Figure
 * @property {string} name
 * @property {string} [series] what the line shows (the same)
 * @property {boolean} [isCounter] whether to show instead how much it grows in each minute
 * @property {(values: Values, state: MonitorState) => string | null} text
 * @property {(values: Values, state: MonitorState) => string | null} [more]
 * @property {(values: Values, state: MonitorState) => Level} [level]
 * @property {(values: Values, state: MonitorState) => { share: number, limit?: number } | null} [part]
 * @property {number} [top] the least upper end of the line's scale
 */

/** @param {number | null | undefined} value @param {(value: number) => string} format */
const or = (value, format) => (value === null || value === undefined || Number.isNaN(value) ? null : format(value));

/** @param {number | null | undefined} value @param {{ warning: number, bad: number }} edges @returns {Level} */
const level = (value, edges) => ((value ?? 0) > edges.bad ? "bad" : (value ?? 0) > edges.warning ? "warning" : "plain");

/** @param {MonitorState} state @param {string} check @param {string} figure */
function checked({ ready }, check, figure) {
  const value = ready?.checks?.[check]?.[figure];
  return typeof value === "number" ? value : null;
}

/** @type {Figure[]} */
const FIGURES = [
  {
    name: "queued",
    text: ({ queued }) => or(queued, formatNumber),
    more: (_, { jobs }) => (jobs ? t("operations.figure.queued.more", { count: (jobs.queued ?? 0) + (jobs.processing ?? 0) }) : null),
    top: 5,
  },
  {
    name: "oldest",
    text: ({ oldest }) => or(oldest, shortDuration),
    more: () => t("operations.figure.oldest.more"),
    level: ({ oldest }) => level(oldest, OLDEST_SECONDS),
    top: 10,
  },
  {
    name: "busy",
    text: ({ busy, slots }) => or(busy, (busy) => `${formatNumber(busy)}/${or(slots, formatNumber) ?? "–"}`),
    more: ({ waiting }) => (waiting === null || waiting === undefined ? null : t("operations.figure.busy.more", { count: waiting })),
    part: ({ busy, slots }) => (slots ? { share: (busy ?? 0) / slots } : null),
    top: 1,
  },
  {
    name: "errors",
    text: ({ errors }, { ready }) => (ready?.error_rate_last_5m === null ? t("operations.none") : or(errors, (errors) => formatPercent(errors, 1))),
    more: () => t("operations.figure.errors.more"),
    level: ({ errors }) => level(errors, ERROR_SHARE),
    top: 0.01,
  },
  {
    name: "active",
    text: ({ active }) => or(active, formatNumber),
    more: (_, { history }) => or(history.perMinute("requests"), perMinute),
    top: 5,
  },
  {
    name: "done",
    series: "ended",
    isCounter: true,
    text: (_, { history }) => or(history.perMinute("ended"), perMinute),
    more: (_, { history }) => or(history.perMinute("created"), (value) => t("operations.figure.done.more", { number: perMinute(value) })),
    top: 5,
  },
  {
    name: "memory",
    text: ({ memory }) => or(memory, formatBytes),
    more: (_, state) => or(checked(state, "mem", "most_bytes"), (most) => t("operations.figure.memory.more", { size: formatBytes(most) })),
    part: ({ memory }, state) => {
      const [most, total] = [checked(state, "mem", "most_bytes"), checked(state, "mem", "total_bytes")];
      return memory !== null && memory !== undefined && total && most ? { share: memory / total, limit: most / total } : null;
    },
    level: (_, { ready }) => (ready?.checks?.mem?.ok === false ? "bad" : "plain"),
  },
  {
    name: "disk",
    text: ({ disk }) => or(disk, formatBytes),
    more: (_, state) => or(checked(state, "disk", "least_bytes"), (least) => t("operations.figure.disk.more", { size: formatBytes(least) })),
    level: (_, { ready }) => (ready?.checks?.disk?.ok === false ? "bad" : "plain"),
  },
  {
    name: "webhooks",
    series: "pending",
    text: ({ pending }) => or(pending, formatNumber),
    more: ({ dead }) => or(dead, (count) => t("operations.figure.webhooks.more", { count })),
    top: 5,
  },
  {
    name: "processes",
    text: ({ processes }) => or(processes, formatNumber),
    more: ({ resident }) => or(resident, (resident) => t("operations.figure.processes.more", { size: formatBytes(resident) })),
    top: 2,
  },
];

/** Shows the figures, which `render` brings up to date. */
export function createFigures() {
  const tiles = FIGURES.map(createTile);
  const element = el("dl", { class: "figures" }, tiles.map((tile) => tile.element));
  return {
    element,
    /** @param {MonitorState} state */
    render: (state) => tiles.forEach((tile) => tile.render(state)),
  };
}

/** @param {Figure} figure */
function createTile(figure) {
  const value = el("span", { class: "value" });
  const more = el("span", { class: "more-of" });
  const picture = el("span", { class: "picture" });
  const name = t(`operations.figure.${figure.name}.name`);
  const element = el("div", { class: "tile", data: { figure: figure.name } }, el("dt", {}, name), el("dd", {}, value, picture, more));
  return {
    element,
    /** @param {MonitorState} state */
    render(state) {
      const values = state.history.own().at(-1)?.values ?? {};
      const text = figure.text(values, state);
      value.textContent = text ?? "–";
      more.textContent = figure.more?.(values, state) ?? "";
      element.dataset.level = figure.level?.(values, state) ?? "plain";
      element.dataset.missing = String(text === null);
      // Without a key there are no metrics, and nothing is missing.
      element.hidden = text === null && state.problem === null && (state.history.own().at(-1)?.start ?? null) === null;
      const part = figure.part?.(values, state);
      element.dataset.part = String(Boolean(part));
      fill(picture, line(figure, name, state), part ? bar(part.share, { limit: part.limit, level: figure.level?.(values, state) ?? "plain" }) : null);
    },
  };
}

/** @param {Figure} figure @param {string} name @param {MonitorState} state */
function line({ name: own, series = own, isCounter, top }, name, { history }) {
  const points = history.series(series);
  if (points.filter(({ value }) => value !== null).length < 2) return null;
  const label = t("operations.last_minutes", { name });
  return isCounter ? columns(history.minutes(series), { label, top }) : sparkline(points, { label, top });
}
