// Small pieces that all sections are made of.
import { ApiError } from "../lib/api.js";
import { copy } from "../lib/copy.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";

/** @typedef {import("../lib/dom.js").Child} Child */

/**
 * Names and values. Those without a value are left out.
 * @param {[string, Child | Child[]][]} pairs
 */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return el("dl", { class: "facts" }, known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, ...[value].flat()))));
}

/** An id that a click copies. A long one is shown by its ends. @param {string} id */
export const copyable = (id) =>
  el(
    "button",
    { type: "button", class: "quiet copyable mono", title: id, data: { action: `copy-${id}` }, onclick: () => void copy(id), "aria-label": `${t("copy.copy")}: ${id}` },
    id.length > 24 ? `${id.slice(0, 8)}…${id.slice(-8)}` : id,
  );

/**
 * A button whose second click waits until the first is done.
 * @param {string} text
 * @param {string} action names the button among its neighbours
 * @param {() => Promise<unknown>} act
 * @param {string} [className]
 */
export function actionButton(text, action, act, className) {
  const button = el("button", { type: "button", class: className, data: { action }, onclick: async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      await act();
    } finally {
      button.removeAttribute("aria-disabled");
    }
  } }, text);
  return button;
}

/**
 * A button that shows and hides what is behind it. Both are placed by whoever asked for them.
 * @param {string} text
 * @param {(isOpen: boolean) => void} onToggle
 */
export function disclosure(text, onToggle) {
  const id = uniqueId("details");
  const body = el("div", { id, class: "details-body", hidden: true });
  const button = el("button", { type: "button", class: "disclosure", "aria-expanded": "false", "aria-controls": id, data: { action: "details" }, onclick: () => {
    body.hidden = !body.hidden;
    button.setAttribute("aria-expanded", String(!body.hidden));
    onToggle(!body.hidden);
  } }, text);
  return { button, body };
}

/** Replaces the children of an element; the button that had the focus has it afterwards. @param {HTMLElement} element @param {...(Child | Child[])} children */
export function refill(element, ...children) {
  const focused = document.activeElement;
  const action = focused instanceof HTMLElement && element.contains(focused) ? focused.dataset.action : undefined;
  fill(element, ...children);
  if (!action) return;
  const again = element.querySelector(`[data-action="${action}"]`) ?? element.closest("[tabindex]");
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * Shows in an element why something failed, and moves the focus there unless nobody asked for it.
 * @param {HTMLElement} element
 * @param {unknown} error
 * @param {{ retry?: () => void, takesFocus?: boolean }} [options]
 */
export function showProblem(element, error, { retry, takesFocus = true } = {}) {
  const shown = problem(explained(error), { retry, as: "operator" });
  shown.tabIndex = -1;
  fill(element, shown);
  if (takesFocus) shown.focus();
}

/** An error that only operators meet, with what they can do. @param {unknown} error */
function explained(error) {
  if (!(error instanceof ApiError)) return error;
  const { code, detail, requestId } = error;
  // Signed requests cannot come from a page: no key would help.
  if (code.endsWith("_SIGNATURE")) return new ApiError({ status: 400, code, message: t("operations.signed"), detail, requestId });
  if (code === "NOT_FOUND") return new ApiError({ status: 404, code, message: t("operations.elsewhere.action"), detail, requestId });
  return error;
}
