// The focus: a point of the picture that crops keep. A click or a tap sets it, arrow keys move it.
import { announce } from "../lib/announce.js";
import { el } from "../lib/dom.js";
import { formatPercent, t } from "../lib/texts.js";

/** @typedef {import("./options.js").Point} Point */

const STEP = 0.02;
const LARGE_STEP = 0.1;
const MIDDLE = { x: 0.5, y: 0.5 };

/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CLEARING = ["Escape", "Delete", "Backspace"];

/** @param {number} value */
const bounded = (value) => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));

export class FocusPicker {
  /** Whether there is a picture to set it in. */
  isReady = false;
  /** @type {Point | null} */
  #point = null;
  #mark = el("span", { class: "focus-point", hidden: true });
  #onFocus;

  /**
   * @param {{ describedBy: string, onFocus: (point: Point | null) => void }} options
   * @param {...Element} layers what lies in the surface, the lowest first
   */
  constructor({ describedBy, onFocus }, ...layers) {
    this.#onFocus = onFocus;
    /** The surface of the picture. */
    this.surface = el(
      "div",
      { class: "surface", tabindex: "0", role: "application", "aria-roledescription": t("studio.picture.picker"), "aria-describedby": describedBy },
      layers,
      this.#mark,
    );
    this.clearButton = el("button", { type: "button", class: "clear-focus", onclick: () => { this.#set(null); this.surface.focus(); } }, t("studio.picture.clearFocus"));
    this.surface.addEventListener("click", (event) => this.#onClick(event));
    this.surface.addEventListener("keydown", (event) => this.#onKey(event));
    this.show(null);
  }

  /** Shows where the focus is. @param {Point | null} point */
  show(point) {
    this.#point = point;
    this.#mark.hidden = this.clearButton.hidden = point === null;
    const label = point ? t("studio.picture.focusAt", { x: formatPercent(point.x), y: formatPercent(point.y) }) : t("studio.picture.noFocus");
    this.surface.setAttribute("aria-label", label);
    if (!point) return;
    this.#mark.style.setProperty("left", `${point.x * 100}%`);
    this.#mark.style.setProperty("top", `${point.y * 100}%`);
  }

  /** @param {Point | null} point */
  #set(point) {
    this.show(point);
    announce(this.surface.getAttribute("aria-label") ?? "");
    this.#onFocus(point);
  }

  /** @param {MouseEvent} event */
  #onClick({ clientX, clientY }) {
    const { left, top, width, height } = this.surface.getBoundingClientRect();
    if (this.isReady) this.#set({ x: bounded((clientX - left) / width), y: bounded((clientY - top) / height) });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const direction = DIRECTIONS[event.key];
    if (!this.isReady || event.ctrlKey || event.metaKey || event.altKey) return;
    if (direction) {
      const by = event.shiftKey ? LARGE_STEP : STEP;
      const { x, y } = this.#point ?? MIDDLE;
      this.#set({ x: bounded(x + direction[0] * by), y: bounded(y + direction[1] * by) });
    } else if (this.#point && CLEARING.includes(event.key)) {
      this.#set(null);
    } else {
      return;
    }
    event.preventDefault();
  }
}
