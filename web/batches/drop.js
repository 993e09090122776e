// The place where files and folders are dropped or chosen. A drop anywhere on the view counts.
import { announce } from "../lib/announce.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { chosenFiles, droppedFiles } from "./folder.js";
import { ACCEPT } from "./selection.js";

/** @typedef {import("./types.js").Chosen} Chosen */
/** @typedef {import("./types.js").LeftOut} LeftOut */

/**
 * @param {{ target: HTMLElement, signal: AbortSignal, onFiles: (files: Chosen[], unreadable: LeftOut[]) => void }} options
 * @returns {HTMLElement}
 */
export function createDrop({ target, signal, onFiles }) {
  const files = el("input", { type: "file", multiple: true, accept: ACCEPT, class: "visually-hidden", tabindex: -1, "aria-hidden": "true", data: { choose: "files" } });
  const folder = el("input", { type: "file", webkitdirectory: true, class: "visually-hidden", tabindex: -1, "aria-hidden": "true", data: { choose: "folder" } });
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      onFiles(chosenFiles(input.files ?? new DataTransfer().files), []);
      // The same files can be chosen again.
      input.value = "";
    });
  }
  const status = el("p", { class: "drop-status hint", hidden: true });
  const zone = el(
    "div",
    { class: "drop" },
    squares(),
    el("p", { class: "drop-title" }, t("batches.drop.title")),
    el("p", { class: "hint" }, t("batches.drop.hint")),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "button", class: "choose-files", onclick: () => files.click() }, t("batches.drop.files")),
      el("button", { type: "button", class: "choose-folder", onclick: () => folder.click() }, t("batches.drop.folder")),
    ),
    status,
    files,
    folder,
  );
  const read = async (/** @type {DataTransfer} */ transfer) => {
    const onCount = (/** @type {number} */ count) => {
      status.hidden = false;
      status.textContent = t("batches.drop.reading", { count });
    };
    try {
      const found = await droppedFiles(transfer, { signal, onCount });
      onFiles(found.files, found.unreadable);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      status.hidden = true;
    }
  };
  listen(target, zone, (transfer) => {
    announce(t("batches.drop.dropped"));
    void read(transfer);
  });
  return zone;
}

/** @param {HTMLElement} target @param {HTMLElement} zone @param {(transfer: DataTransfer) => void} onDrop */
function listen(target, zone, onDrop) {
  // Moving between children fires leave and enter in any order.
  let depth = 0;
  const show = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("is-over", depth > 0);
  };
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  target.addEventListener("dragenter", (event) => { if (hasFiles(event)) show(1); });
  target.addEventListener("dragleave", (event) => { if (hasFiles(event)) show(-1); });
  target.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  target.addEventListener("drop", (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    depth = 0;
    show(0);
    onDrop(event.dataTransfer);
  });
}

const squares = () => el("div", { class: "drop-squares", "aria-hidden": "true" }, el("i"), el("i"), el("i"), el("i"));
