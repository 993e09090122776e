// The place where files and folders are dropped or chosen. A drop anywhere on the page counts, so that one that misses does
// not replace the page by a picture; so do files that are pasted.
import { announce } from "../lib/announce.js";
import { el } from "../lib/dom.js";
import { hasFiles, listenForDrops } from "../lib/drops.js";
import { ACCEPTED } from "../lib/filetypes.js";
import { chosenFiles, droppedFiles } from "../lib/folder.js";
import { t } from "../lib/texts.js";

/** @typedef {import("./types.js").Chosen} Chosen */
/** @typedef {import("./types.js").LeftOut} LeftOut */

/**
 * @param {{ signal: AbortSignal, onFiles: (files: Chosen[], unreadable: LeftOut[]) => void }} options
 * @returns {HTMLElement}
 */
export function createDrop({ signal, onFiles }) {
  const { files, folder } = createInputs((found) => onFiles(found, []));
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
  listenForDrops({
    accepts: (transfer) => zone.isConnected && hasFiles(transfer),
    onHover: (isOver) => void zone.classList.toggle("is-over", isOver),
    onDrop: (transfer) => {
      announce(t("batches.drop.dropped"));
      void read(transfer);
    },
    onPaste: (_, { files }) => {
      if (zone.isConnected && files.length > 0) onFiles(chosenFiles(files), []);
    },
  }, signal);
  return zone;
}

/** The fields for files and for a folder, which buttons open. @param {(files: Chosen[]) => void} onChosen */
function createInputs(onChosen) {
  const files = el("input", { type: "file", multiple: true, accept: ACCEPTED, class: "visually-hidden", tabindex: -1, "aria-hidden": "true", data: { choose: "files" } });
  const folder = el("input", { type: "file", webkitdirectory: true, class: "visually-hidden", tabindex: -1, "aria-hidden": "true", data: { choose: "folder" } });
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      onChosen(chosenFiles(input.files ?? new DataTransfer().files));
      // The same files can be chosen again.
      input.value = "";
    });
  }
  return { files, folder };
}

const squares = () => el("div", { class: "drop-squares", "aria-hidden": "true" }, el("i"), el("i"), el("i"), el("i"));
