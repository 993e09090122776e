// Reads a list of web addresses, one a line.

/**
 * @typedef {object} Addresses
 * @property {string[]} urls
 * @property {{ line: number, text: string }[]} wrong lines that are no addresses of http or https; lines count from 1
 */

/** @param {string} text @returns {Addresses} */
export function readAddresses(text) {
  /** @type {Addresses} */
  const found = { urls: [], wrong: [] };
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "") continue;
    if (isAddress(trimmed)) found.urls.push(trimmed);
    else found.wrong.push({ line: at + 1, text: trimmed });
  }
  return found;
}

/** @param {string} text */
function isAddress(text) {
  if (!/^https?:\/\//i.test(text) || /\s/.test(text)) return false;
  try {
    return new URL(text).hostname !== "";
  } catch {
    return false;
  }
}
