// How much of an upload has left the browser, with a button that stops it.
import { quarters } from "../lib/announce.js";
import { el } from "../lib/dom.js";
import { formatPercent, t } from "../lib/texts.js";

/** @param {{ title: string, name: string, onCancel: () => void }} options */
export function createUploadBar({ title, name, onCancel }) {
  const bar = el("progress", { max: 100, "aria-label": t("batches.sending.label") });
  const text = el("p", { class: "sending-text" });
  const cancel = el("button", { type: "button", class: "cancel-sending", onclick: onCancel }, t("batches.sending.cancel"));
  const say = quarters((percent) => t("batches.sending.percent", { percent: formatPercent(percent / 100) }));
  const element = el("div", { class: "sending" }, el("p", { class: "sending-title" }, title, " ", el("strong", {}, name)), bar, text, el("div", { class: "actions" }, cancel));
  /** @param {number} share from 0 to 1 */
  const update = (share) => {
    const percent = Math.floor(share * 100);
    // When all has left, the service still stores it, and nothing says for how long.
    if (percent < 100) bar.value = percent;
    else bar.removeAttribute("value");
    text.textContent = percent < 100 ? t("batches.sending.percent", { percent: formatPercent(share) }) : t("batches.sending.waiting");
    say(percent);
  };
  return { element, update, focus: () => cancel.focus() };
}
