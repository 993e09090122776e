// Small pictures of figures: a line over the last fifteen minutes, and a bar of a share. What they show is also said in
// words next to them or in the table of the overview.
import { el, svg } from "../lib/dom.js";
import { GAP_MS, KEPT_MS } from "./readings.js";

const [WIDTH, HEIGHT] = [120, 28];

/**
 * A line of the last fifteen minutes, whose right end is now. Where nothing was read, the line has a gap.
 * @param {{ at: number, value: number | null }[]} points
 * @param {{ label: string, top?: number, now?: number }} options `top` is the least upper end of the scale
 */
export function sparkline(points, { label, top = 0, now = Date.now() }) {
  const highest = Math.max(top, ...points.map(({ value }) => value ?? 0)) || 1;
  const x = (/** @type {number} */ at) => Math.max(0, WIDTH - ((now - at) / KEPT_MS) * WIDTH);
  const y = (/** @type {number} */ value) => HEIGHT - 2 - (value / highest) * (HEIGHT - 5);
  const pieces = split(points).map((piece) => piece.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`));
  const last = points.at(-1);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sparkline", role: "img", "aria-label": label, preserveAspectRatio: "none" },
    svg("path", { class: "base", d: `M0 ${HEIGHT - 1.5}H${WIDTH}` }),
    pieces.filter((piece) => piece.length > 1).map((piece) => svg("polyline", { points: piece.join(" ") })),
    last && last.value !== null ? svg("path", { class: "end", d: `M${x(last.at).toFixed(1)} ${y(last.value).toFixed(1)}h0.01` }) : null,
  );
}

/** Splits points where one is missing. @param {{ at: number, value: number | null }[]} points */
function split(points) {
  /** @type {{ at: number, value: number }[][]} */
  const pieces = [];
  let before = -Infinity;
  for (const { at, value } of points) {
    if (value === null || !Number.isFinite(value)) continue;
    if (at - before > GAP_MS || pieces.length === 0) pieces.push([]);
    pieces.at(-1)?.push({ at, value });
    before = at;
  }
  return pieces;
}

/**
 * A column for each minute, the last one at the right end. Where nothing was seen, there is none.
 * @param {(number | null)[]} values
 * @param {{ label: string, top?: number }} options `top` is the least upper end of the scale
 */
export function columns(values, { label, top = 0 }) {
  const highest = Math.max(top, ...values.map((value) => value ?? 0)) || 1;
  const width = WIDTH / values.length;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sparkline columns-chart", role: "img", "aria-label": label, preserveAspectRatio: "none" },
    svg("path", { class: "base", d: `M0 ${HEIGHT - 1.5}H${WIDTH}` }),
    values.map((value, index) => {
      const height = ((value ?? 0) / highest) * (HEIGHT - 5);
      return height > 0 ? svg("rect", { x: (index * width + 1).toFixed(1), y: (HEIGHT - 2 - height).toFixed(1), width: (width - 2).toFixed(1), height: height.toFixed(1) }) : null;
    }),
  );
}

/**
 * A bar that is filled up to a share.
 * @param {number} share from 0 to 1
 * @param {{ level?: "good" | "warning" | "bad" | "plain", limit?: number }} [options] `limit` is marked
 */
export function bar(share, { level = "plain", limit } = {}) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return svg(
    "svg",
    { viewBox: "0 0 100 6", class: `bar ${level}`, "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("rect", { class: "whole", width: 100, height: 6 }),
    svg("rect", { class: "part", width: width.toFixed(2), height: 6 }),
    limit === undefined ? null : svg("rect", { class: "limit", x: (limit * 100 - 0.5).toFixed(2), width: 1, height: 6 }),
  );
}

/**
 * A table.
 * @param {string} caption
 * @param {string[]} head
 * @param {(import("../lib/dom.js").Child | import("../lib/dom.js").Child[])[][]} rows whose first cell names the row
 */
export function table(caption, head, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "visually-hidden" }, caption),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map(([first, ...cells]) => el("tr", {}, el("th", { scope: "row" }, ...[first].flat()), cells.map((cell) => el("td", {}, ...[cell].flat()))))),
    ),
  );
}
