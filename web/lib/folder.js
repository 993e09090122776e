// Reads what was dropped or chosen: files and folders in folders, with their paths.

/** @typedef {{ file: File, path: string }} FoundFile a file with its path in what was dropped or chosen */
/** What of a drop was not read. @typedef {{ path: string, reason: "unreadable" | "many" }} Unreadable */

/** The largest number of files that a drop may bring; a home directory would bring millions. */
const MOST = 20_000;

/**
 * The files of a drop, folders included. What was dropped must be asked for before the event ends, so this is called in
 * the listener itself.
 * @param {DataTransfer} transfer
 * @param {{ signal: AbortSignal, onCount: (count: number) => void }} options
 * @returns {Promise<{ files: FoundFile[], unreadable: Unreadable[] }>}
 */
export async function droppedFiles(transfer, { signal, onCount }) {
  /** @type {FoundFile[]} */
  const files = [];
  /** @type {FileSystemEntry[]} */
  const waiting = [];
  /** @type {Unreadable[]} */
  const unreadable = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry();
    const file = entry ? null : item.getAsFile();
    if (entry) waiting.push(entry);
    else if (file) files.push({ file, path: file.name });
  }
  while (waiting.length > 0 && files.length < MOST) {
    signal.throwIfAborted();
    const entry = /** @type {FileSystemEntry} */ (waiting.pop());
    const path = pathOf(entry);
    try {
      if (isFolder(entry)) waiting.push(...(await children(entry)));
      else files.push({ file: await fileOf(/** @type {FileSystemFileEntry} */ (entry)), path });
    } catch {
      unreadable.push({ path, reason: "unreadable" });
    }
    onCount(files.length);
  }
  signal.throwIfAborted();
  unreadable.push(...waiting.map((entry) => ({ path: pathOf(entry), reason: /** @type {const} */ ("many") })));
  return { files: sorted(files), unreadable };
}

/** The files of a file field. @param {FileList | File[]} list @returns {FoundFile[]} */
export const chosenFiles = (list) =>
  sorted([...list].map((file) => ({ file, path: file.webkitRelativePath || file.name })));

/** @param {FileSystemEntry} entry */
const pathOf = (entry) => entry.fullPath.replace(/^\//, "");

/** @param {FileSystemEntry} entry @returns {entry is FileSystemDirectoryEntry} */
const isFolder = (entry) => entry.isDirectory;

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

/** What a folder contains. A reader gives some entries at a time, and none when it has given all. @param {FileSystemDirectoryEntry} folder */
async function children(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** In the order in which people count: 2 before 10. @param {FoundFile[]} files */
function sorted(files) {
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return files.sort((one, other) => compare(one.path, other.path));
}
