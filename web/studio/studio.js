// The Studio view: one picture with its palette, its crop, its cards, and the options that decide them.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { handOver, takeHandedOver } from "../lib/handover.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";
import { dropped, listen } from "./drop.js";
import { createIntake, offerBatch } from "./intake.js";
import { RecentStrip, remember } from "./recents.js";
import { fetchPicture, isWorthRetrying } from "./requests.js";
import { Results } from "./results.js";

/** @typedef {import("./types.js").Picture} Picture */

/** The picture that is open; it stays when the page changes its language. @type {Picture | null} */
let current = null;

/** @returns {import("../app.js").View} */
export const createView = () => new Studio();

class Studio {
  #intake = createIntake({ onFiles: (found) => this.#take(found), onAddress: (address) => void this.#openAddress(address) });
  #trouble = el("div", { class: "trouble", tabindex: "-1" });
  #waitingText = el("p", {});
  #waiting = el("div", { class: "panel waiting", hidden: true }, this.#waitingText, el("progress", { "aria-label": t("studio.working") }));
  #recents = new RecentStrip({ onOpen: (picture) => this.#open(picture) });
  #results = new Results({ onResult: (...found) => void remember(...found).then(() => this.#recents.show(current)) });
  element = el(
    "section",
    { class: "studio" },
    el("div", { class: "studio-head" }, el("div", { class: "studio-title" }, el("h1", {}, t("studio.title")), el("p", { class: "lead" }, t("studio.lead"))), this.#intake.element),
    this.#intake.offer, this.#waiting, this.#trouble, this.#recents.element, this.#results.element,
  );
  #download = new AbortController();
  /** @type {(() => void) | null} */
  #stopListening = null;

  constructor() {
    if (current) this.#open(current, { focus: false });
  }

  show() {
    this.#stopListening ??= listen({
      onFiles: (found) => this.#take(found),
      onAddress: (address) => void this.#openAddress(address),
      onHover: this.#intake.setHover,
    });
    const files = takeHandedOver();
    if (files.length > 0) this.#take(dropped(files));
  }

  hide() {
    this.#stopListening?.();
    this.#stopListening = null;
  }

  close() {
    this.hide();
    this.#endDownload();
    this.#results.clear();
    this.#recents.clear();
  }

  /** @param {import("./drop.js").Dropped} dropped */
  #take({ files, many }) {
    fill(this.#intake.offer);
    if (many) offerBatch(this.#intake.offer, files, { onBatch: () => handOver(files, "batches"), onFirst: (file) => this.#open({ file, address: null }) });
    else if (files[0]) this.#open({ file: files[0].file, address: null });
  }

  /** @param {Picture} picture @param {{ focus: boolean }} [how] */
  #open(picture, how = { focus: true }) {
    this.#endDownload();
    fill(this.#intake.offer);
    fill(this.#trouble);
    current = picture;
    this.#intake.setCompact(true);
    this.#intake.clearError();
    this.#results.open(picture, how);
    this.#recents.show(current);
  }

  /** @param {string} address */
  async #openAddress(address) {
    this.#endDownload();
    this.#download = new AbortController();
    const { signal } = this.#download;
    fill(this.#intake.offer);
    fill(this.#trouble);
    this.#waiting.hidden = false;
    this.#waitingText.textContent = t("studio.fetching", { address });
    announce(this.#waitingText.textContent);
    try {
      const file = await fetchPicture(address, signal);
      if (!signal.aborted) this.#open({ file, address });
    } catch (error) {
      if (signal.aborted) return;
      this.#waiting.hidden = true;
      fill(this.#trouble, problem(error, isWorthRetrying(error) ? { retry: () => void this.#openAddress(address) } : {}));
      this.#trouble.focus();
    }
  }

  #endDownload() {
    this.#download.abort();
    this.#waiting.hidden = true;
  }
}
