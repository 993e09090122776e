// Times as ages ("5 minutes ago") that go on by themselves. The service's clock counts, whatever the browser's says.
import { el } from "../lib/dom.js";
import { formatTime, language } from "../lib/texts.js";

/** By how many milliseconds the service's clock is ahead of the browser's. */
let ahead = 0;

/** Takes the service's time from a `Date` header, which has whole seconds. @param {string | null} header */
export function setServerTime(header) {
  const time = header ? Date.parse(header) : NaN;
  if (Number.isNaN(time)) return;
  const found = time + 500 - Date.now();
  // Less than two seconds are rounding and the way.
  ahead = Math.abs(found) < 2_000 ? 0 : found;
}

/** The service's time in Unix seconds. */
export const serverNow = () => (Date.now() + ahead) / 1000;

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** The distance of a time from now, in words. @param {number} seconds Unix time @param {number} [now] */
export function distance(seconds, now = serverNow()) {
  const away = seconds - now;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(away) >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(language(), { style: "short" }).format(Math.round(away / size), unit);
}

/**
 * A time as its distance from now.
 * @param {number} seconds Unix time
 * @param {boolean} [isOwn] whether it is of the browser's clock and not of the service's
 */
export function ago(seconds, isOwn = false) {
  const at = isOwn ? seconds + ahead / 1000 : seconds;
  return el(
    "time",
    { datetime: new Date(seconds * 1000).toISOString(), title: formatTime(seconds), data: { at: String(at) } },
    distance(at),
  );
}

/** Brings all ages in an element up to date. @param {HTMLElement} element */
export function updateAges(element) {
  for (const time of element.querySelectorAll("time[data-at]")) {
    const text = distance(Number(/** @type {HTMLElement} */ (time).dataset.at));
    if (time.textContent !== text) time.textContent = text;
  }
}

/** A time of the browser's clock with its seconds. @param {number} milliseconds */
export const clockTime = (milliseconds) =>
  new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(milliseconds);
