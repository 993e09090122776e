// Copies text to the clipboard and says so.
import { announce } from "./announce.js";
import { t } from "./texts.js";

/**
 * @param {string} text
 * @param {string} [name] what to say instead of the text, such as of a secret
 * @returns {Promise<boolean>} whether it worked
 */
export async function copy(text, name = text) {
  const done = (await write(text)) || writeBySelection(text);
  announce(done ? t("copy.done", { text: name }) : t("copy.failed"));
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
