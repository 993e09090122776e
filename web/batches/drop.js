// The place where files and folders are dropped or chosen. A drop anywhere on the page counts, so that one that misses does
// not replace the page by a picture; so do files that are pasted.
import { announce } from "../lib/announce.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { chosenFiles, droppedFiles } from "../lib/folder.js";
import { ACCEPT } from "./selection.js";

/** @typedef {import("./types.js").Chosen} Chosen */
/** @typedef {import("./types.js").LeftOut} LeftOut */

/**
 * @param {{ signal: AbortSignal, onFiles: (files: Chosen[], unreadable: LeftOut[]) => void }} options
 * @returns {HTMLElement}
 */
export function createDrop({ signal, onFiles }) {
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
  listen(zone, signal, (transfer) => {
    announce(t("batches.drop.dropped"));
    void read(transfer);
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (zone.isConnected && clipboardData && clipboardData.files.length > 0) onFiles(chosenFiles(clipboardData.files), []);
  }, { signal });
  return zone;
}

/** Listens while the zone is in sight. @param {HTMLElement} zone @param {AbortSignal} signal @param {(transfer: DataTransfer) => void} onDrop */
function listen(zone, signal, onDrop) {
  // Moving between elements fires leave and enter in any order.
  let depth = 0;
  const show = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("is-over", depth > 0);
  };
  const counts = (/** @type {DragEvent} */ event) => zone.isConnected && (event.dataTransfer?.types.includes("Files") ?? false);
  document.addEventListener("dragenter", (event) => { if (counts(event)) show(1); }, { signal });
  document.addEventListener("dragleave", (event) => { if (counts(event)) show(-1); }, { signal });
  document.addEventListener("dragover", (event) => {
    if (!counts(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  }, { signal });
  document.addEventListener("drop", (event) => {
    if (!counts(event) || !event.dataTransfer) return;
    event.preventDefault();
    depth = 0;
    show(0);
    onDrop(event.dataTransfer);
  }, { signal });
}

const squares = () => el("div", { class: "drop-squares", "aria-hidden": "true" }, el("i"), el("i"), el("i"), el("i"));
