// The picture with what was found in it. A click or the arrow keys set the focus. The file itself is shown; where the
// browser cannot show it, or does not turn it upright, the service's own reading of it takes its place.
import { announce } from "../lib/announce.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { formatPercent, t } from "../lib/texts.js";
import { createOverlay } from "./overlay.js";
import { wholePicture } from "./requests.js";

/** @typedef {import("./options.js").Point} Point */
/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {import("./types.js").Shown} Shown */

const STEP = 0.02;
const LARGE_STEP = 0.1;

/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {number} value */
const bounded = (value) => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));

/** @param {{ onFocus: (point: Point | null) => void }} handlers */
export function createStage({ onFocus }) {
  const hint = uniqueId("stage-hint");
  const image = el("img", { alt: "", draggable: "false" });
  const overlay = createOverlay();
  const cross = el("span", { class: "focus-point", hidden: true });
  const surface = el(
    "div",
    { class: "surface", tabindex: "0", role: "application", "aria-roledescription": t("studio.picture.picker"), "aria-label": t("studio.picture.noFocus"), "aria-describedby": hint },
    image, overlay.drawing, overlay.labels, cross,
  );
  const notice = el("p", { class: "hint stage-notice", hidden: true });
  const clearFocus = el("button", { type: "button", class: "clear-focus", hidden: true, onclick: () => { set(null); surface.focus(); } }, t("studio.picture.clearFocus"));
  const element = el(
    "section",
    { class: "panel stage", "aria-label": t("studio.picture.title") },
    el("div", { class: "mat" }, surface),
    el("div", { class: "stage-foot" }, overlay.legend, clearFocus),
    notice,
    el("p", { id: hint, class: "hint" }, t("studio.picture.hint")),
  );

  /** @type {Point | null} */
  let focus = null;
  /** @type {{ shown: Shown, card: Rect | null } | null} */
  let latest = null;
  /** @type {Rect | null} what a replacement shows of the picture */
  let frame = null;
  let isReady = false;
  let request = new AbortController();

  /** @param {Point | null} next */
  function set(next) {
    place(next);
    announce(surface.getAttribute("aria-label") ?? "");
    onFocus(next);
  }

  /** @param {Point | null} next */
  function place(next) {
    focus = next;
    cross.hidden = clearFocus.hidden = next === null;
    surface.setAttribute("aria-label", next ? t("studio.picture.focusAt", { x: formatPercent(next.x), y: formatPercent(next.y) }) : t("studio.picture.noFocus"));
    if (!next) return;
    cross.style.setProperty("left", `${next.x * 100}%`);
    cross.style.setProperty("top", `${next.y * 100}%`);
  }

  surface.addEventListener("click", (event) => {
    const { left, top, width, height } = surface.getBoundingClientRect();
    if (isReady) set({ x: bounded((event.clientX - left) / width), y: bounded((event.clientY - top) / height) });
  });
  surface.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (!isReady || event.ctrlKey || event.metaKey || event.altKey) return;
    if (direction) {
      const by = event.shiftKey ? LARGE_STEP : STEP;
      const { x, y } = focus ?? { x: 0.5, y: 0.5 };
      set({ x: bounded(x + direction[0] * by), y: bounded(y + direction[1] * by) });
    } else if (focus && ["Escape", "Delete", "Backspace"].includes(event.key)) {
      set(null);
    } else {
      return;
    }
    event.preventDefault();
  });

  function draw() {
    if (!latest) return;
    const { shown: { result, options }, card } = latest;
    const { source, crop, subject, faces } = result;
    const whole = { x: 0, y: 0, width: source.width, height: source.height };
    overlay.show({ frame: frame ?? whole, crop, card, subject, faces, cardName: t(`studio.cards.kinds.${options.card}`) });
  }

  /** @param {number} width @param {number} height */
  function shape(width, height) {
    surface.style.setProperty("--ratio", String(width / height));
  }

  /** @param {Blob} blob */
  function display(blob) {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
  }

  /** Resolves when the browser has tried to read the image's size. */
  const settled = () =>
    new Promise((resolve) => {
      if (image.complete) resolve(null);
      image.addEventListener("load", resolve, { once: true });
      image.addEventListener("error", resolve, { once: true });
    });

  /** Shows the service's reading where the browser's is not the same. @param {Shown} shown */
  async function checkImage({ picture, result }) {
    const { signal } = request;
    await settled();
    const { source } = result;
    if (signal.aborted || (image.naturalWidth === source.width && image.naturalHeight === source.height)) return;
    try {
      const { blob, part } = await wholePicture(picture.file, source, signal);
      frame = part;
      display(blob);
      notice.textContent = t("studio.picture.replaced");
    } catch (error) {
      if (signal.aborted) return;
      console.warn(error);
      notice.textContent = t("studio.picture.unshown");
    }
    notice.hidden = false;
  }

  image.addEventListener("load", () => {
    surface.classList.remove("unseen");
    shape(image.naturalWidth, image.naturalHeight);
  });
  image.addEventListener("error", () => surface.classList.add("unseen"));

  return {
    element,
    image,
    /** Shows a picture before anything is known of it. @param {File} file */
    open(file) {
      this.clear();
      image.alt = t("studio.picture.alt", { name: file.name });
      display(file);
    },
    /** @param {Shown} shown @param {Rect | null} card the part of the picture that the chosen card shows */
    async show(shown, card) {
      latest = { shown, card };
      isReady = true;
      shape(shown.result.source.width, shown.result.source.height);
      place(shown.options.focus);
      draw();
      if (!shown.isNew) return;
      await checkImage(shown);
      if (frame) draw();
    },
    clear() {
      request.abort();
      request = new AbortController();
      URL.revokeObjectURL(image.src);
      image.removeAttribute("src");
      [latest, frame, isReady, notice.hidden] = [null, null, false, true];
      surface.classList.remove("unseen");
      place(null);
      overlay.show(null);
      fill(notice);
    },
  };
}
