// One card. It is loaded when it comes into sight; the chosen one at once.
import { announce } from "../lib/announce.js";
import { save } from "../lib/api.js";
import { el, fill } from "../lib/dom.js";
import { stem } from "../lib/names.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";
import { showCopied } from "./copied.js";
import { cardFields, cardSize, extensionOf } from "./options.js";
import { card as loadCard, isCardAsked } from "./requests.js";

/** @typedef {import("./options.js").CardKind} CardKind */
/** @typedef {import("./types.js").Shown} Shown */
/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {{ onChoose: (kind: CardKind) => void, onPart: (part: Rect | null) => void }} Handlers */

/** The width of the widest card, which fills its column. */
const WIDEST = 1200;

export class Card {
  #image = el("img", { alt: "", hidden: true });
  #size = el("span", { class: "hint card-size" });
  #trouble = el("div", { class: "card-problem" });
  #saveButton = el("button", { type: "button", class: "small", disabled: true }, t("studio.save"));
  #copyButton = el("button", { type: "button", class: "small", disabled: true }, t("studio.cards.copy"));
  #frame;
  #kind;
  #queue;
  #onPart;
  /** @type {Shown | null} */
  #wanted = null;
  #isSeen = false;
  /** The fields of what was loaded, or is loading. */
  #asked = "";
  /** @type {{ blob: Blob, part: Rect | null } | null} */
  #found = null;
  #request = new AbortController();

  /** @param {CardKind} kind @param {import("./queue.js").Queue} queue @param {Handlers} handlers */
  constructor(kind, queue, { onChoose, onPart }) {
    this.#kind = kind;
    this.#queue = queue;
    this.#onPart = onPart;
    const name = t(`studio.cards.kinds.${kind}`);
    this.#image.alt = t("studio.cards.alt", { name });
    this.#saveButton.setAttribute("aria-label", t("studio.cards.saveLabel", { name }));
    this.#copyButton.setAttribute("aria-label", t("studio.cards.copyLabel", { name }));
    this.#copyButton.hidden = !("ClipboardItem" in window && navigator.clipboard);
    this.#saveButton.addEventListener("click", () => this.#save());
    this.#copyButton.addEventListener("click", () => void this.#copy());
    this.#frame = el("button", { type: "button", class: "card-frame", "aria-label": t("studio.cards.chooseLabel", { name }), title: t("studio.cards.choose"), onclick: () => onChoose(kind) }, this.#image);
    this.element = el(
      "li",
      { class: "card-item", data: { kind } },
      this.#frame,
      el("div", { class: "card-caption" }, el("span", { class: "card-name" }, name), this.#size),
      el("div", { class: "actions" }, this.#saveButton, this.#copyButton),
      this.#trouble,
    );
  }

  /** @param {Shown} shown */
  show(shown) {
    const [width, height] = cardSize(this.#kind, shown.options.aspect);
    this.element.style.setProperty("--width", `${(100 * width) / WIDEST}%`);
    this.element.style.setProperty("--ratio", `${width} / ${height}`);
    this.element.style.setProperty("--average", shown.result.average);
    this.#size.textContent = `${width} × ${height}`;
    this.#wanted = shown;
    this.#frame.setAttribute("aria-pressed", String(this.#isChosen));
    if (shown.isNew) this.#asked = "";
    void this.#load();
  }

  /** @param {boolean} isSeen */
  see(isSeen) {
    this.#isSeen = isSeen;
    void this.#load();
  }

  /** @param {unknown} [reason] */
  clear(reason) {
    this.#request.abort(reason);
    URL.revokeObjectURL(this.#image.src);
    this.#image.removeAttribute("src");
    this.#image.hidden = true;
    this.#wanted = this.#found = null;
    this.#asked = "";
    this.#isSeen = false;
    this.#setReady(false);
    fill(this.#trouble);
  }

  get #isChosen() {
    return this.#wanted?.options.card === this.#kind;
  }

  /** Loads the card if it is wanted and not there. */
  async #load() {
    if (!this.#wanted || !(this.#isSeen || this.#isChosen)) return;
    const { picture: { file }, options } = this.#wanted;
    const fields = JSON.stringify(cardFields(options, this.#kind));
    if (fields === this.#asked) return this.#tellPart();
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.#asked = fields;
    this.#found = null;
    this.#setReady(false);
    fill(this.#trouble);
    try {
      const request = () => loadCard(file, options, this.#kind, signal);
      // What needs no request of its own needs no place among them.
      const found = await (isCardAsked(file, options, this.#kind) ? request() : this.#queue.run(request, { signal, isUrgent: this.#isChosen }));
      if (!signal.aborted) this.#display(found);
    } catch (error) {
      if (signal.aborted) return;
      this.#asked = "";
      fill(this.#trouble, problem(error, { retry: () => void this.#load() }));
    }
  }

  /** @param {{ blob: Blob, part: Rect | null }} found */
  #display(found) {
    this.#found = found;
    URL.revokeObjectURL(this.#image.src);
    this.#image.src = URL.createObjectURL(found.blob);
    this.#image.hidden = false;
    this.#setReady(true);
    this.#tellPart();
  }

  #tellPart() {
    if (this.#isChosen && this.#found?.part) this.#onPart(this.#found.part);
  }

  /** @param {boolean} isReady */
  #setReady(isReady) {
    this.#saveButton.disabled = this.#copyButton.disabled = !isReady;
    this.#frame.setAttribute("aria-busy", String(!isReady));
  }

  #save() {
    if (!this.#found || !this.#wanted) return;
    const { blob } = this.#found;
    const name = `${stem(this.#wanted.picture.file.name)}-${this.#kind}.${extensionOf(blob.type)}`;
    save(blob, name);
    announce(t("studio.saved", { name }));
  }

  async #copy() {
    if (!this.#found || !this.#wanted) return;
    const { picture: { file }, options } = this.#wanted;
    const { blob } = this.#found;
    // The clipboard takes PNG alone.
    const png = blob.type === "image/png" ? blob : loadCard(file, { ...options, format: "png" }, this.#kind, this.#request.signal).then((card) => card.blob);
    const isCopied = await copyImage(png);
    announce(t(isCopied ? "studio.cards.copied" : "studio.cards.copyFailed"));
    if (isCopied) showCopied(this.#copyButton);
  }
}

/** @param {Blob | Promise<Blob>} png */
async function copyImage(png) {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    return true;
  } catch {
    // The browser may forbid it, or its window may have lost the focus.
    return false;
  }
}
