// What was found in the picture, drawn over it: the crop, the part that the card shows, the subject, the faces, and the
// focus. Which of them are seen is kept while the page lives.
import { el, fill, svg } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {"crop" | "card" | "subject" | "faces"} Mark */

/** @type {Mark[]} */
export const MARKS = ["crop", "card", "subject", "faces"];

/** @type {Set<Mark>} */
const shown = new Set(MARKS);

/** A box of two lines, so that it is seen on light and dark pictures. @param {Mark} mark @param {Rect} rect */
function box(mark, { x, y, width, height }) {
  const line = (/** @type {string} */ className) => svg("rect", { class: className, x, y, width, height });
  return svg("g", { class: `box ${mark}` }, line("casing"), line("line"));
}

/** The piece of line in the legend. @param {Mark} mark */
const sample = (mark) =>
  svg("svg", { viewBox: "0 0 26 12", class: "sample", "aria-hidden": "true" }, svg("g", { class: `box ${mark}` }, svg("path", { class: "casing", d: "M1 6h24" }), svg("path", { class: "line", d: "M1 6h24" })));

/** @typedef {{ frame: Rect, crop: Rect, card: Rect | null, subject: Rect, faces: Rect[], cardName: string }} Marks `frame` is what the image shows of the picture */

export function createOverlay() {
  const drawing = svg("svg", { class: "marks", preserveAspectRatio: "none", "aria-hidden": "true" });
  const labels = el("div", { class: "mark-labels", "aria-hidden": "true" });
  const legend = el("div", { class: "legend", role: "group", "aria-label": t("studio.picture.legend") });
  /** @type {Marks | null} */
  let marks = null;

  /** @param {Mark} mark @returns {Rect[]} */
  function rects(mark) {
    if (!marks) return [];
    const found = { crop: marks.crop, card: marks.card, subject: marks.subject, faces: marks.faces }[mark];
    return found === null ? [] : Array.isArray(found) ? found : [found];
  }

  function draw() {
    if (!marks) return;
    const { frame, crop } = marks;
    drawing.setAttribute("viewBox", `${frame.x} ${frame.y} ${frame.width} ${frame.height}`);
    const outline = (/** @type {Rect} */ { x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}z`;
    const shade = shown.has("crop") ? svg("path", { class: "shade", "fill-rule": "evenodd", d: outline(frame) + outline(crop) }) : null;
    const seen = MARKS.filter((mark) => shown.has(mark)).reverse();
    fill(drawing, shade, seen.flatMap((mark) => rects(mark).map((rect) => box(mark, rect))));
    fill(labels, seen.flatMap((mark) => rects(mark).slice(0, 1).map((rect) => label(mark, rect, frame))));
  }

  /** @param {Mark} mark @param {Rect} rect @param {Rect} frame */
  function label(mark, rect, frame) {
    const atRight = mark === "card";
    const atBottom = mark === "subject" || mark === "faces";
    const x = (rect.x + (atRight ? rect.width : 0) - frame.x) / frame.width;
    const y = (rect.y + (atBottom ? rect.height : 0) - frame.y) / frame.height;
    const classes = `mark-label ${mark}${atRight ? " at-right" : ""}${atBottom ? " at-bottom" : ""}`;
    return el("span", { class: classes, style: { left: `${x * 100}%`, top: `${y * 100}%` } }, t(`studio.picture.labels.${mark}`));
  }

  /** @param {Mark} mark */
  function toggle(mark) {
    const count = rects(mark).length;
    const text = mark === "faces" ? t("studio.picture.faces", { count }) : mark === "card" ? t("studio.picture.card", { name: marks?.cardName ?? "" }) : t(`studio.picture.${mark}`);
    const button = el("button", { type: "button", class: "chip", data: { mark }, "aria-pressed": String(shown.has(mark)), disabled: mark === "faces" && count === 0 }, sample(mark), text);
    button.addEventListener("click", () => {
      if (!shown.delete(mark)) shown.add(mark);
      button.setAttribute("aria-pressed", String(shown.has(mark)));
      draw();
    });
    return button;
  }

  return {
    drawing,
    labels,
    legend,
    /** @param {Marks | null} next */
    show(next) {
      marks = next;
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.mark : undefined;
      if (next) fill(legend, MARKS.map(toggle));
      else fill(legend);
      if (focused) legend.querySelector(/** @type {"button"} */ (`[data-mark="${focused}"]`))?.focus();
      if (!next) { fill(drawing); fill(labels); }
      draw();
    },
  };
}
