// Everything that is shown of an open picture: its heading, the picture, the options, and the panels. It asks for the
// palette and the crop, whose answer has the chosen card too; the panels ask for the rest themselves.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { formatBytes, formatNumber, t } from "../lib/texts.js";
import { Cards } from "./cards.js";
import { createCommands } from "./commands.js";
import { Exports } from "./exports.js";
import { analysisFields, DEFAULTS } from "./options.js";
import { createPalette } from "./palette.js";
import { analyze, isWorthRetrying } from "./requests.js";
import { createScheme } from "./scheme.js";
import { createSettings } from "./settings.js";
import { Stage } from "./stage.js";

/** @typedef {import("./options.js").Options} Options */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Rect} Rect */

const DEBOUNCE_MS = 250;
const SKELETONS = 10;

/** The options that were chosen last; they stay for the next picture, except the focus. @type {Options} */
let options = { ...DEFAULTS };

export class Results {
  #heading = el("h2", { class: "result-title", tabindex: "-1" });
  #facts = el("p", { class: "hint facts" });
  #working = el("progress", { class: "working", "aria-label": t("studio.working"), hidden: true });
  #trouble = el("div", { class: "trouble", tabindex: "-1" });
  #skeleton = el("div", { class: "panel skeleton", "aria-hidden": "true" }, Array.from({ length: SKELETONS }, () => el("span", {})));
  #stage = new Stage({ onFocus: (focus) => this.#change({ focus }) });
  #settings = createSettings({ onChange: (change) => this.#change(change) });
  #palette = createPalette();
  #cards = new Cards({ onChoose: (card) => this.#change({ card }), onPart: (part) => this.#onPart(part) });
  #scheme = createScheme();
  #exports = new Exports();
  #commands = createCommands();
  /** @type {import("./types.js").Panel[]} */
  #panels = [this.#palette, this.#scheme, this.#cards, this.#exports, this.#commands];
  #more = el("div", { class: "panels" }, this.#scheme.element, this.#cards.element, el("div", { class: "pair" }, this.#exports.element, this.#commands.element));
  element = el(
    "div",
    { class: "results", hidden: true },
    el("div", { class: "result-head" }, this.#heading, this.#facts, this.#working),
    this.#trouble,
    el("div", { class: "bench" }, el("div", { class: "bench-main" }, this.#stage.element, this.#skeleton, this.#palette.element), this.#settings.element),
    this.#more,
  );
  #onResult;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {Result | null} */
  #result = null;
  /** @type {Rect | null} the part of the picture that the chosen card shows */
  #cardPart = null;
  /** The fields of the last request. */
  #asked = "";
  #request = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {{ onResult: (picture: Picture, result: Result, image: HTMLImageElement) => void }} handlers */
  constructor({ onResult }) {
    this.#onResult = onResult;
  }

  /**
   * Shows a picture, and moves the focus to its result if wanted. One that was open before keeps all its options.
   * @param {Picture} picture @param {{ focus: boolean, isAgain: boolean }} how
   */
  open(picture, { focus, isAgain }) {
    this.clear();
    const { file } = picture;
    this.#picture = picture;
    if (!isAgain) options = { ...options, focus: null };
    this.#heading.textContent = file.name;
    this.#facts.textContent = t("studio.working");
    this.#reveal("work");
    this.#settings.show(options);
    this.#stage.open(file);
    announce(t("studio.workingOn", { name: file.name }));
    void this.#run({ focus });
  }

  /** Forgets the picture. @param {unknown} [reason] why its requests end */
  clear(reason) {
    clearTimeout(this.#timer);
    this.#request.abort(reason);
    this.#picture = this.#result = this.#cardPart = null;
    this.#asked = "";
    this.element.hidden = true;
    this.#setWorking(false);
    fill(this.#trouble);
    this.#stage.clear(reason);
    for (const panel of this.#panels) panel.clear?.(reason);
  }

  /** @param {Partial<Options>} change */
  #change(change) {
    if (change.card && change.card !== options.card) this.#cardPart = null;
    options = { ...options, ...change };
    this.#settings.show(options);
    this.#showStage(false);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply(), DEBOUNCE_MS);
  }

  /** Asks again where an option needs it. */
  #apply() {
    if (this.#result && this.#asked === fieldsText()) this.#showPanels(false);
    else void this.#run({ focus: false });
  }

  /** Asks for the palette and the crop, and shows them. @param {{ focus: boolean }} how */
  async #run({ focus }) {
    if (!this.#picture) return;
    const picture = this.#picture;
    const isNew = !this.#result;
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.#asked = fieldsText();
    fill(this.#trouble);
    this.#setWorking(true);
    try {
      const result = await analyze(picture.file, options, signal);
      if (signal.aborted) return;
      this.#show(picture, result, isNew);
      if (focus) this.#heading.focus();
    } catch (error) {
      if (!signal.aborted) this.#fail(error, { focus });
    } finally {
      if (!signal.aborted) this.#setWorking(false);
    }
  }

  /** @param {Picture} picture @param {Result} result @param {boolean} isNew */
  #show(picture, result, isNew) {
    this.#result = result;
    this.#reveal("result");
    this.#facts.textContent = facts(picture.file, result);
    this.#showStage(isNew);
    this.#showPanels(isNew);
    announce(t("studio.done", { count: result.colors.length }));
    if (isNew) this.#onResult(picture, result, this.#stage.image);
  }

  /** @param {unknown} error @param {{ focus: boolean }} how */
  #fail(error, { focus }) {
    this.#asked = "";
    if (!this.#result) this.#reveal("problem");
    fill(this.#trouble, problem(error, isWorthRetrying(error) ? { retry: () => this.#retry(focus) } : {}));
    if (focus) this.#trouble.focus();
  }

  /** @param {boolean} focus */
  #retry(focus) {
    if (!this.#result) this.#reveal("work");
    void this.#run({ focus });
  }

  /** @param {"work" | "result" | "problem"} state */
  #reveal(state) {
    this.element.hidden = false;
    this.#skeleton.hidden = state !== "work";
    this.#palette.element.hidden = this.#more.hidden = state !== "result";
    // Without a picture that can be read there is nothing to set.
    this.#stage.element.hidden = this.#settings.element.hidden = state === "problem";
    if (state === "problem") this.#facts.textContent = "";
  }

  /** @param {Rect | null} part */
  #onPart(part) {
    this.#cardPart = part;
    this.#showStage(false);
  }

  /** @param {boolean} isNew */
  #showStage(isNew) {
    if (this.#picture && this.#result) void this.#stage.show({ picture: this.#picture, options, result: this.#result, isNew }, this.#cardPart);
  }

  /** @param {boolean} isNew */
  #showPanels(isNew) {
    if (!this.#picture || !this.#result) return;
    for (const panel of this.#panels) panel.show({ picture: this.#picture, options, result: this.#result, isNew });
  }

  /** @param {boolean} isWorking */
  #setWorking(isWorking) {
    this.#working.hidden = !isWorking;
    this.element.setAttribute("aria-busy", String(isWorking));
  }
}

const fieldsText = () => JSON.stringify(analysisFields(options));

/** What is said of a file beside its name. @param {File} file @param {Result} result */
function facts(file, { source: { format, width, height } }) {
  const megapixels = (width * height) / 1e6;
  const parts = [format.toUpperCase(), `${width} × ${height}`, formatBytes(file.size)];
  if (megapixels >= 1) parts.push(t("studio.megapixels", { count: formatNumber(megapixels, { maximumFractionDigits: 1 }) }));
  return parts.join(" · ");
}
