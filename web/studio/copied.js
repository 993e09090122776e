// Says on a button for a moment that it was done.
import { t } from "../lib/texts.js";

const SHOWN_MS = 1600;

/** @type {WeakMap<Element, { text: string, timer: ReturnType<typeof setTimeout> }>} */
const confirmed = new WeakMap();

/**
 * Shows "Copied" in place of an element's text, and the text again after a while.
 * @param {Element} element
 * @param {() => void} [onEnd]
 */
export function showCopied(element, onEnd) {
  const before = confirmed.get(element);
  if (before) clearTimeout(before.timer);
  const text = before?.text ?? element.textContent ?? "";
  element.textContent = t("studio.palette.copied");
  const timer = setTimeout(() => {
    confirmed.delete(element);
    element.textContent = text;
    onEnd?.();
  }, SHOWN_MS);
  confirmed.set(element, { text, timer });
}
