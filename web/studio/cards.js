// The cards side by side, each at the same scale. A card is loaded when it comes into sight, two at a time; the chosen one
// first, together with the part of the picture that it shows.
import { announce } from "../lib/announce.js";
import { save } from "../lib/api.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { formatBytes, t } from "../lib/texts.js";
import { CARD_KINDS, cardFields, cardSize } from "./options.js";
import { createQueue } from "./queue.js";
import { card as loadCard, cardWithPart } from "./requests.js";

/** @typedef {import("./options.js").CardKind} CardKind */
/** @typedef {import("./types.js").Shown} Shown */
/** @typedef {import("./types.js").Rect} Rect */

const AT_ONCE = 2;
const WIDEST = 1200;

/** A picture's name without its extension. @param {string} name */
export const stem = (name) => name.replace(/\.[^.]+$/, "") || name;

/** @param {{ onChoose: (kind: CardKind) => void, onPart: (part: Rect | null) => void }} handlers */
export function createCards(handlers) {
  const title = uniqueId("cards");
  const queue = createQueue(AT_ONCE);
  const cards = new Map(CARD_KINDS.map((kind) => [kind, createCard(kind, queue, handlers)]));
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      for (const card of cards.values()) if (card.element === target) card.see(isIntersecting);
    }
  }, { rootMargin: "200px" });
  const element = el(
    "section",
    { class: "panel cards-panel", "aria-labelledby": title },
    el("div", { class: "panel-head" }, el("h3", { id: title }, t("studio.cards.title")), el("p", { class: "hint" }, t("studio.cards.hint"))),
    el("ul", { class: "cards" }, [...cards.values()].map((card) => card.element)),
  );
  return {
    element,
    /** @param {Shown} shown */
    show(shown) {
      for (const [kind, card] of cards) {
        card.show(shown, kind === shown.options.card);
        watcher.observe(card.element);
      }
    },
    clear() {
      watcher.disconnect();
      for (const card of cards.values()) card.clear();
    },
  };
}

/**
 * One card: its request, its address, its actions.
 * @param {CardKind} kind
 * @param {ReturnType<typeof createQueue>} queue
 * @param {{ onChoose: (kind: CardKind) => void, onPart: (part: Rect | null) => void }} handlers
 */
function createCard(kind, queue, { onChoose, onPart }) {
  const name = t(`studio.cards.kinds.${kind}`);
  const image = el("img", { alt: "", hidden: true });
  const frame = el("button", { type: "button", class: "card-frame", "aria-pressed": "false", "aria-label": t("studio.cards.chooseLabel", { name }), title: t("studio.cards.choose"), onclick: () => onChoose(kind) }, image);
  const [size, trouble] = [el("span", { class: "hint card-size" }), el("div", { class: "card-problem" })];
  const saveButton = el("button", { type: "button", class: "small", disabled: true, "aria-label": t("studio.cards.saveLabel", { name }) }, t("studio.save"));
  const copyButton = el("button", { type: "button", class: "small", disabled: true, "aria-label": t("studio.cards.copyLabel", { name }) }, t("studio.cards.copy"));
  const element = el(
    "li",
    { class: "card-item", data: { kind } },
    frame,
    el("div", { class: "card-caption" }, el("span", { class: "card-name" }, name), size),
    el("div", { class: "actions" }, saveButton, copyButton),
    trouble,
  );

  /** @type {{ shown: Shown, isChosen: boolean, key: string } | null} */
  let wanted = null;
  let loadedKey = "";
  /** @type {Rect | null} what the card that was loaded shows, if that was asked */
  let part = null;
  let isSeen = false;
  let isAsking = false;
  /** @type {Blob | null} */
  let blob = null;
  let request = new AbortController();

  const setReady = (/** @type {boolean} */ isReady) => {
    saveButton.disabled = copyButton.disabled = !isReady;
    frame.setAttribute("aria-busy", String(!isReady));
  };

  async function load() {
    if (!wanted || !(isSeen || wanted.isChosen)) return;
    const { shown: { picture, options }, isChosen, key } = wanted;
    if (key === loadedKey && (!isChosen || part || isAsking)) return isChosen && part ? onPart(part) : undefined;
    request.abort();
    request = new AbortController();
    const { signal } = request;
    [loadedKey, part, isAsking] = [key, null, isChosen];
    setReady(false);
    fill(trouble);
    try {
      const found = await queue.run(() => (isChosen ? cardWithPart(picture.file, options, kind, signal) : loadCard(picture.file, options, kind, signal).then((blob) => ({ blob, part: null }))), { signal, isUrgent: isChosen });
      if (signal.aborted) return;
      part = found.part;
      display(found.blob);
      if (isChosen) onPart(part);
    } catch (error) {
      if (signal.aborted) return;
      fill(trouble, problem(error, { retry: () => { loadedKey = ""; void load(); } }));
    } finally {
      if (!signal.aborted) isAsking = false;
    }
  }

  /** @param {Blob} next */
  function display(next) {
    blob = next;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(next);
    image.alt = t("studio.cards.alt", { name });
    image.hidden = false;
    setReady(true);
    size.title = formatBytes(next.size);
  }

  saveButton.addEventListener("click", () => {
    if (!blob || !wanted) return;
    const file = `${stem(wanted.shown.picture.file.name)}-${kind}.${blob.type.replace("image/", "").replace("jpeg", "jpg")}`;
    save(blob, file);
    announce(t("studio.saved", { name: file }));
  });
  copyButton.addEventListener("click", async () => {
    if (!blob || !wanted) return;
    const { picture, options } = wanted.shown;
    // The clipboard takes PNG alone.
    const png = blob.type === "image/png" ? blob : loadCard(picture.file, { ...options, format: "png" }, kind, request.signal);
    const done = await copyImage(png);
    announce(t(done ? "studio.cards.copied" : "studio.cards.copyFailed"));
    copyButton.textContent = t(done ? "studio.palette.copied" : "studio.cards.copy");
    setTimeout(() => void (copyButton.textContent = t("studio.cards.copy")), 1600);
  });
  copyButton.hidden = !("ClipboardItem" in window && navigator.clipboard);

  return {
    element,
    /** @param {Shown} shown @param {boolean} isChosen */
    show(shown, isChosen) {
      const [width, height] = cardSize(kind, shown.options.aspect);
      element.style.setProperty("--width", `${(100 * width) / WIDEST}%`);
      element.style.setProperty("--ratio", `${width} / ${height}`);
      element.style.setProperty("--average", shown.result.average);
      size.textContent = `${width} × ${height}`;
      frame.setAttribute("aria-pressed", String(isChosen));
      wanted = { shown, isChosen, key: JSON.stringify(cardFields(shown.options, kind)) };
      if (shown.isNew) loadedKey = "";
      void load();
    },
    /** @param {boolean} next */
    see(next) {
      isSeen = next;
      void load();
    },
    clear() {
      request.abort();
      URL.revokeObjectURL(image.src);
      image.removeAttribute("src");
      image.hidden = true;
      [wanted, blob, part, loadedKey, isSeen] = [null, null, null, "", false];
      setReady(false);
      fill(trouble);
    },
  };
}

/** @param {Blob | Promise<Blob>} png */
async function copyImage(png) {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    return true;
  } catch {
    return false;
  }
}
