// What was found in the picture, drawn over it: the crop, the part that the card shows, the subject, the faces. Which of
// them are seen is kept while the page lives.
import { el, fill, svg } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {"crop" | "card" | "subject" | "faces"} Mark */
/** @typedef {{ frame: Rect, crop: Rect, card: Rect | null, subject: Rect, faces: Rect[], cardName: string }} Marks `frame` is what the image shows of the picture */

/** @type {Mark[]} */
const MARKS = ["crop", "card", "subject", "faces"];

/** Where the label of a mark is. @type {Record<Mark, string>} */
const PLACES = { crop: "", card: "at-right", subject: "at-bottom", faces: "at-bottom" };

/** @type {Set<Mark>} */
const seen = new Set(MARKS);

export class Overlay {
  drawing = svg("svg", { class: "marks", preserveAspectRatio: "none", "aria-hidden": "true" });
  labels = el("div", { class: "mark-labels", "aria-hidden": "true" });
  legend = el("div", { class: "legend", role: "group", "aria-label": t("studio.picture.legend") });
  /** @type {Marks | null} */
  #marks = null;

  /** @param {Marks | null} marks */
  show(marks) {
    this.#marks = marks;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.mark : undefined;
    fill(this.legend, marks ? MARKS.map((mark) => this.#toggle(mark, marks)) : []);
    if (focused) this.legend.querySelector(/** @type {"button"} */ (`[data-mark="${focused}"]`))?.focus();
    this.#draw();
  }

  #draw() {
    const marks = this.#marks;
    fill(this.drawing);
    fill(this.labels);
    if (!marks) return;
    const { frame, crop } = marks;
    this.drawing.setAttribute("viewBox", `${frame.x} ${frame.y} ${frame.width} ${frame.height}`);
    if (seen.has("crop")) this.drawing.append(svg("path", { class: "shade", "fill-rule": "evenodd", d: outline(frame) + outline(crop) }));
    // The crop is drawn last, above the others.
    for (const mark of MARKS.filter((each) => seen.has(each)).reverse()) {
      const rects = rectsOf(marks, mark);
      this.drawing.append(...rects.map((rect) => box(mark, rect)));
      this.labels.append(...rects.slice(0, 1).map((rect) => label(mark, rect, frame)));
    }
  }

  /** A button that shows or hides a kind of marks. @param {Mark} mark @param {Marks} marks */
  #toggle(mark, marks) {
    const count = rectsOf(marks, mark).length;
    const texts = { crop: t("studio.picture.crop"), card: t("studio.picture.card", { name: marks.cardName }), subject: t("studio.picture.subject"), faces: t("studio.picture.faces", { count }) };
    const attributes = { type: "button", class: "chip", data: { mark }, "aria-pressed": String(seen.has(mark)), disabled: mark === "faces" && count === 0 };
    const button = el("button", attributes, sample(mark), texts[mark]);
    button.addEventListener("click", () => {
      if (!seen.delete(mark)) seen.add(mark);
      button.setAttribute("aria-pressed", String(seen.has(mark)));
      this.#draw();
    });
    return button;
  }
}

/** @param {Marks} marks @param {Mark} mark @returns {Rect[]} */
function rectsOf(marks, mark) {
  const found = marks[mark];
  return Array.isArray(found) ? found : found ? [found] : [];
}

/** @param {Rect} rect */
const outline = ({ x, y, width, height }) => `M${x} ${y}h${width}v${height}h${-width}z`;

/** A box of two lines, so that it is seen on light and dark pictures. @param {Mark} mark @param {Rect} rect */
function box(mark, { x, y, width, height }) {
  const line = (/** @type {string} */ className) => svg("rect", { class: className, x, y, width, height });
  return svg("g", { class: `box ${mark}` }, line("casing"), line("line"));
}

/** @param {Mark} mark @param {Rect} rect @param {Rect} frame */
function label(mark, rect, frame) {
  const place = PLACES[mark];
  const x = (rect.x + (place === "at-right" ? rect.width : 0) - frame.x) / frame.width;
  const y = (rect.y + (place === "at-bottom" ? rect.height : 0) - frame.y) / frame.height;
  return el("span", { class: `mark-label ${place}`, style: { left: `${x * 100}%`, top: `${y * 100}%` } }, t(`studio.picture.labels.${mark}`));
}

/** The piece of line in the legend. @param {Mark} mark */
const sample = (mark) =>
  svg("svg", { viewBox: "0 0 26 12", class: "sample", "aria-hidden": "true" }, svg("g", { class: `box ${mark}` }, svg("path", { class: "line", d: "M1 6h24" })));
