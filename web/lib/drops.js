// What is dropped or pasted anywhere on the page. A drop that misses a zone counts too, so that it does not replace the page
// by a picture.

/**
 * @typedef {object} DropHandlers
 * @property {(transfer: DataTransfer) => boolean} accepts whether a drag brings something of use; its content is not known yet
 * @property {(isOver: boolean) => void} onHover
 * @property {(transfer: DataTransfer) => void} onDrop
 * @property {(event: ClipboardEvent, data: DataTransfer) => void} onPaste
 */

/** Listens until the signal ends it. @param {DropHandlers} handlers @param {AbortSignal} signal */
export function listenForDrops({ accepts, onHover, onDrop, onPaste }, signal) {
  // Pictures of the page itself can be dragged too, out of it.
  let isOwn = false;
  document.addEventListener("dragstart", () => void (isOwn = true), { signal });
  document.addEventListener("dragend", () => void (isOwn = false), { signal });
  const transferOf = (/** @type {DragEvent} */ { dataTransfer }) => (!isOwn && dataTransfer && accepts(dataTransfer) ? dataTransfer : null);
  document.addEventListener("dragover", (event) => {
    const transfer = transferOf(event);
    if (!transfer) return;
    event.preventDefault();
    if (hasFiles(transfer)) transfer.dropEffect = "copy";
    onHover(true);
  }, { signal });
  // Between two elements the drag leaves one for the other; out of the window it leaves for none.
  document.addEventListener("dragleave", ({ relatedTarget }) => { if (!relatedTarget) onHover(false); }, { signal });
  document.addEventListener("drop", (event) => {
    const transfer = transferOf(event);
    if (!transfer) return;
    event.preventDefault();
    onHover(false);
    onDrop(transfer);
  }, { signal });
  document.addEventListener("paste", (event) => { if (event.clipboardData) onPaste(event, event.clipboardData); }, { signal });
}

/** Whether a drag brings files. @param {DataTransfer} transfer */
export const hasFiles = (transfer) => transfer.types.includes("Files");
