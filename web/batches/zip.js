// Counts the pictures in a ZIP by its directory, which is at its end (PKWARE APPNOTE, 4.3.12 and 4.3.16). The service has
// the last word: it also looks into entries without an extension.

const END = 0x06054b50;
const END_LENGTH = 22;
const LONGEST_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_LENGTH = 46;
/** A directory that is larger is not read. */
const MOST_BYTES = 16 * 2 ** 20;

/** What the service takes for pictures, also where it cannot read them. */
const PICTURE = /\.(jpe?g|jpe|jfif|a?png|webp|gif|bmp|tiff?|hei[cf]|avif)$/i;
/** What macOS adds. */
const JUNK = /(^|\/)(__MACOSX\/|\._)/;

/**
 * The number of pictures; null if the directory is not found or not of the plain form.
 * @param {File} file
 * @returns {Promise<number | null>}
 */
export async function picturesIn(file) {
  try {
    const tailAt = Math.max(0, file.size - END_LENGTH - LONGEST_COMMENT);
    const tail = new DataView(await file.slice(tailAt).arrayBuffer());
    const end = endOf(tail);
    if (end === null) return null;
    const size = tail.getUint32(end + 12, true);
    const at = tailAt + end - size;
    if (size > MOST_BYTES || at < 0) return null;
    return countNames(await file.slice(at, at + size).arrayBuffer());
  } catch {
    // The file has changed or is gone; sending it will tell.
    return null;
  }
}

/** Where the record at the end begins. @param {DataView} tail */
function endOf(tail) {
  for (let at = tail.byteLength - END_LENGTH; at >= 0; at--) {
    if (tail.getUint32(at, true) === END) return at;
  }
  return null;
}

/** @param {ArrayBuffer} directory */
function countNames(directory) {
  const view = new DataView(directory);
  const decoder = new TextDecoder();
  let count = 0;
  for (let at = 0; at + ENTRY_LENGTH <= view.byteLength; ) {
    if (view.getUint32(at, true) !== ENTRY) return null;
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const length = name ?? 0;
    const text = decoder.decode(new Uint8Array(directory, at + ENTRY_LENGTH, length));
    if (PICTURE.test(text) && !JUNK.test(text)) count += 1;
    at += ENTRY_LENGTH + length + (extra ?? 0) + (comment ?? 0);
  }
  return count;
}
