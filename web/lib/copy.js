// Copies text to the clipboard and says so.
import { announce } from "./announce.js";
import { t } from "./texts.js";

/** @param {string} text @returns {Promise<boolean>} whether it worked */
export async function copy(text) {
  const done = (await write(text)) || writeBySelection(text);
  announce(done ? t("copy.done", { text }) : t("copy.failed"));
  return done;
}

/** @param {string} text */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages without TLS have no clipboard.
    return false;
  }
}

/** @param {string} text */
function writeBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
