// Shows what was chosen: how much it is, its files, and what is left out and why.
import { el, fill } from "../lib/dom.js";
import { formatBytes, t } from "../lib/texts.js";

/** @typedef {import("./types.js").Chosen} Chosen */

/** More rows are not shown one by one. */
const MOST_ROWS = 200;
const MOST_THUMBNAILS = 12;
/** Larger files take too long to decode for a thumbnail. */
const MOST_THUMBNAIL_BYTES = 15 * 2 ** 20;

/**
 * @param {{ onRemove: (chosen: Chosen[]) => void, onClear: () => void }} actions
 */
export function createChosen({ onRemove, onClear }) {
  /** @type {string[]} */
  let addresses = [];
  const release = () => {
    for (const address of addresses) URL.revokeObjectURL(address);
    addresses = [];
  };
  const element = el("section", { class: "chosen", hidden: true, "aria-label": t("batches.chosen.label") });
  let isOpen = false;

  const thumbnail = (/** @type {Chosen} */ { file }) => {
    const address = URL.createObjectURL(file);
    addresses.push(address);
    // A damaged picture has no thumbnail.
    return el("img", { src: address, alt: "", onerror: (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.target).remove() });
  };

  /** @param {import("./selection.js").Selection} selection */
  const show = (selection) => {
    release();
    element.hidden = selection.isEmpty && selection.leftOut.length === 0;
    if (element.hidden) return void fill(element);
    const all = [...selection.pictures, ...selection.zips];
    const files = el(
      "details",
      { class: "chosen-files", open: isOpen, ontoggle: () => (isOpen = files.open) },
      el("summary", {}, t("batches.chosen.files")),
      el("ul", {}, ...all.slice(0, MOST_ROWS).map((chosen) => row(chosen, onRemove))),
      all.length > MOST_ROWS ? el("p", { class: "hint" }, t("batches.chosen.more", { count: all.length - MOST_ROWS })) : null,
    );
    fill(
      element,
      el(
        "div",
        { class: "chosen-head" },
        el("p", { class: "chosen-sum" }, sumOf(selection)),
        el("button", { type: "button", class: "quiet chosen-clear", onclick: onClear }, t("batches.chosen.clear")),
      ),
      el("div", { class: "thumbnails", "aria-hidden": "true" }, ...selection.pictures.filter(({ file }) => file.size <= MOST_THUMBNAIL_BYTES).slice(0, MOST_THUMBNAILS).map(thumbnail)),
      selection.isEmpty ? null : files,
      tooLarge(selection.tooLarge, onRemove),
      leftOut(selection.leftOut),
    );
  };
  return { element, show, release };
}

/** @param {import("./selection.js").Selection} selection */
function sumOf({ pictures, zips, bytes }) {
  const counts = [
    pictures.length > 0 && t("batches.count.pictures", { count: pictures.length }),
    zips.length > 0 && t("batches.count.zips", { count: zips.length }),
    bytes > 0 ? formatBytes(bytes) : t("batches.chosen.none"),
  ];
  return counts.filter(Boolean).join(" · ");
}

/** @param {Chosen} chosen @param {(chosen: Chosen[]) => void} onRemove */
const row = (chosen, onRemove) =>
  el(
    "li",
    {},
    el("span", { class: "path" }, chosen.path),
    el("span", { class: "size" }, formatBytes(chosen.file.size)),
    el("button", { type: "button", class: "quiet remove", "aria-label": t("batches.chosen.remove", { name: chosen.path }), onclick: () => onRemove([chosen]) }, "×"),
  );

/** @param {Chosen[]} list @param {(chosen: Chosen[]) => void} onRemove */
const tooLarge = (list, onRemove) =>
  list.length > 0 &&
  el(
    "div",
    { class: "too-large" },
    el("p", { class: "limit" }, t("batches.chosen.tooLarge", { count: list.length, names: list.slice(0, 3).map(({ path }) => path).join(", ") + (list.length > 3 ? ", …" : "") })),
    el("button", { type: "button", class: "drop-large", onclick: () => onRemove(list) }, t("batches.chosen.dropLarge", { count: list.length })),
  );

/** @param {import("./types.js").LeftOut[]} list */
function leftOut(list) {
  if (list.length === 0) return null;
  const rows = list.slice(0, MOST_ROWS).map(({ path, reason }) =>
    el("li", {}, el("span", { class: "path" }, path), el("span", { class: "size" }, t(`batches.leftOut.${reason}`))),
  );
  return el(
    "details",
    { class: "left-out" },
    el("summary", {}, t("batches.leftOut.title", { count: list.length })),
    el("ul", {}, ...rows),
    list.length > MOST_ROWS ? el("p", { class: "hint" }, t("batches.chosen.more", { count: list.length - MOST_ROWS })) : null,
  );
}
