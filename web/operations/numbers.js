// Numbers in few letters, for small places.
import { formatNumber, t } from "../lib/texts.js";

/** A number of seconds in the largest unit that fits twice. @param {number} seconds */
export function shortDuration(seconds) {
  const units = /** @type {[string, number][]} */ ([["day", 86_400], ["hour", 3_600], ["minute", 60]]);
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? ["second", 1];
  return formatNumber(Math.round(seconds / size), { style: "unit", unit, unitDisplay: "short" });
}

/** A number of bytes in decimal units, as the settings have them: 1 GB is 1,000,000,000. @param {number} bytes */
export function formatSize(bytes) {
  const units = /** @type {const} */ ([["terabyte", 1e12], ["gigabyte", 1e9], ["megabyte", 1e6], ["kilobyte", 1e3]]);
  const [unit, size] = units.find(([, size]) => bytes >= size) ?? ["byte", 1];
  return formatNumber(bytes / size, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 });
}

/** @param {number} value */
export const perMinute = (value) => t("operations.per_minute", { number: formatNumber(value, { maximumFractionDigits: value < 10 ? 1 : 0 }) });
