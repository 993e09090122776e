// Files that are dropped or pasted anywhere on the page while the view is in sight.
import { hasFiles, listenForDrops } from "../lib/drops.js";
import { isArchive } from "../lib/filetypes.js";
import { chosenFiles, droppedFiles } from "../lib/folder.js";

/** @typedef {import("../lib/folder.js").FoundFile} FoundFile */

/** What a drop brought; `many` where it was no single picture. @typedef {{ files: FoundFile[], many: boolean }} Dropped */

/** @param {FoundFile[]} files @returns {Dropped} */
export const dropped = (files) => ({ files, many: files.length > 1 || files.some(({ file }) => isArchive(file)) });

/** @param {DataTransfer} transfer @param {AbortSignal} signal @returns {Promise<Dropped>} */
async function filesOf(transfer, signal) {
  const hasFolder = [...transfer.items].some((item) => item.webkitGetAsEntry()?.isDirectory);
  const { files } = await droppedFiles(transfer, { signal, onCount: () => {} });
  if (!hasFolder) return dropped(files);
  // Systems put files of their own into folders.
  return { files: files.filter(({ file }) => !file.name.startsWith(".")), many: true };
}

/** The web address that a text begins with. @param {string} text */
export function addressIn(text) {
  const line = text.trim().split(/[\r\n]/)[0] ?? "";
  return /^https?:\/\/./i.test(line) && URL.canParse(line) ? new URL(line).href : null;
}

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof HTMLElement && target.matches("input, textarea, select");

/**
 * Listens to the whole page.
 * @param {{ onFiles: (dropped: Dropped) => void, onAddress: (address: string) => void, onHover: (isOver: boolean) => void }} handlers
 * @returns {() => void} ends it
 */
export function listen({ onFiles, onAddress, onHover }) {
  const ends = new AbortController();
  const { signal } = ends;
  const onDrop = async (/** @type {DataTransfer} */ transfer) => {
    const address = addressIn(transfer.getData("text/uri-list"));
    // A drop that the view no longer waits for is aborted.
    const found = await filesOf(transfer, signal).catch(() => null);
    if (!found || signal.aborted) return;
    if (found.files.length > 0 || found.many) onFiles(found);
    else if (address) onAddress(address);
  };
  const onPaste = (/** @type {ClipboardEvent} */ event, /** @type {DataTransfer} */ data) => {
    const files = [...data.files];
    const address = addressIn(data.getData("text/plain"));
    if (files.length > 0) onFiles(dropped(chosenFiles(files)));
    else if (address && !isField(event.target)) onAddress(address);
    else return;
    event.preventDefault();
  };
  const accepts = (/** @type {DataTransfer} */ transfer) => hasFiles(transfer) || transfer.types.includes("text/uri-list");
  listenForDrops({ accepts, onHover, onDrop: (transfer) => void onDrop(transfer), onPaste }, signal);
  return () => ends.abort();
}
