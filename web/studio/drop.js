// Files that are dropped or pasted anywhere on the page while the view is in sight.

/** What a drop brought; `many` where it was no single picture. @typedef {{ files: File[], many: boolean }} Dropped */

/** Folders deeper or fuller than this are cut off: a batch takes far fewer. */
const MAX_FILES = 1000;

/** @param {File} file */
export const isArchive = (file) => /\.zip$/i.test(file.name) || /^application\/(x-)?zip/.test(file.type);

/** @param {File[]} files @returns {Dropped} */
export const sorted = (files) => ({ files, many: files.length > 1 || files.some(isArchive) });

/** The files in a folder, and in its folders. @param {FileSystemEntry} entry @param {File[]} found */
async function collect(entry, found) {
  if (found.length >= MAX_FILES) return;
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    found.push(await new Promise((resolve, reject) => file.file(resolve, reject)));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  // A reader gives some entries at a time, and none at the end.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const inner of entries) await collect(inner, found);
  }
}

/** @param {DataTransfer} transfer @returns {Promise<Dropped>} */
async function filesOf(transfer) {
  // The transfer is empty after the event, so everything is taken from it at once.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return sorted(files);
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) await collect(entry, found);
  // Systems put files of their own into folders.
  return { files: found.filter((file) => !file.name.startsWith(".")), many: true };
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
  // Pictures of the page itself can be dragged too, out of it.
  let isOwn = false;
  document.addEventListener("dragstart", () => void (isOwn = true), { signal });
  document.addEventListener("dragend", () => void (isOwn = false), { signal });
  const brings = (/** @type {DragEvent} */ event) =>
    !isOwn && !!event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    onHover(true);
  }, { signal });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) onHover(false);
  }, { signal });
  document.addEventListener("drop", async (event) => {
    if (!brings(event) || !event.dataTransfer) return;
    event.preventDefault();
    onHover(false);
    const address = addressIn(event.dataTransfer.getData("text/uri-list"));
    const dropped = await filesOf(event.dataTransfer);
    if (signal.aborted) return;
    if (dropped.files.length > 0 || dropped.many) onFiles(dropped);
    else if (address) onAddress(address);
  }, { signal });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const address = addressIn(event.clipboardData?.getData("text/plain") ?? "");
    if (files.length > 0) onFiles(sorted(files));
    else if (address && !isField(event.target)) onAddress(address);
    else return;
    event.preventDefault();
  }, { signal });
  return () => ends.abort();
}
