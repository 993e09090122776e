// Numbers in few letters, for small places.
import { formatNumber, t } from "../lib/texts.js";

/** A number of seconds in the largest unit that fits twice. @param {number} seconds */
export function shortDuration(seconds) {
  const units = /** @type {[string, number][]} */ ([["day", 86_400], ["hour", 3_600], ["minute", 60]]);
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? ["second", 1];
  return formatNumber(Math.round(seconds / size), { style: "unit", unit, unitDisplay: "short" });
}

/** @param {number} value */
export const perMinute = (value) => t("operations.per_minute", { number: formatNumber(value, { maximumFractionDigits: value < 10 ? 1 : 0 }) });
