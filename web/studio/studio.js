// The Studio view: one picture with its palette, its crop, its cards, and the options that decide them.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { handOver, takeHandedOver } from "../lib/handover.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";
import { HANDOVER } from "./answers.js";
import { dropped, listen } from "./drop.js";
import { createIntake, offerBatch } from "./intake.js";
import { RecentStrip, remember } from "./recents.js";
import { fetchPicture, isWorthRetrying } from "./requests.js";
import { Results } from "./results.js";

/** @typedef {import("./types.js").Picture} Picture */

/** The picture that is open, and the address that one is downloaded from: both stay when the page changes its language. */
const open = {
  /** @type {Picture | null} */
  picture: null,
  /** @type {string | null} */
  address: null,
};

/** @returns {import("../app.js").View} */
export const createView = () => new Studio();

class Studio {
  #intake = createIntake({ onFiles: (found) => this.#take(found), onAddress: (address) => void this.#openAddress(address) });
  #trouble = el("div", { class: "trouble", tabindex: "-1" });
  #waitingText = el("p", {});
  #waiting = el("div", { class: "panel waiting", hidden: true }, this.#waitingText, el("progress", { "aria-label": t("studio.working") }));
  #recents = new RecentStrip({ onOpen: (picture) => this.#open(picture) });
  #results = new Results({ onResult: (...found) => void remember(...found).then(() => this.#recents.show(open.picture)) });
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
    const { picture, address } = open;
    if (picture) this.#open(picture, { focus: false, isAgain: true });
    if (address) void this.#openAddress(address);
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
    // What is under way goes on for the next view.
    this.#download.abort(HANDOVER);
    this.#results.clear(HANDOVER);
    this.#recents.clear();
  }

  /** @param {import("./drop.js").Dropped} dropped */
  #take({ files, many }) {
    fill(this.#intake.offer);
    if (many) offerBatch(this.#intake.offer, files, { onBatch: () => handOver(files, "batches"), onFirst: (file) => this.#open({ file, address: null }) });
    else if (files[0]) this.#open({ file: files[0].file, address: null });
  }

  /** @param {Picture} picture @param {{ focus: boolean, isAgain: boolean }} [how] */
  #open(picture, how = { focus: true, isAgain: false }) {
    this.#endDownload();
    fill(this.#intake.offer);
    fill(this.#trouble);
    open.picture = picture;
    this.#intake.setCompact(true);
    this.#intake.clearError();
    this.#results.open(picture, how);
    this.#recents.show(open.picture);
  }

  /** @param {string} address */
  async #openAddress(address) {
    this.#endDownload();
    this.#download = new AbortController();
    open.address = address;
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
      this.#endDownload();
      fill(this.#trouble, problem(error, isWorthRetrying(error) ? { retry: () => void this.#openAddress(address) } : {}));
      this.#trouble.focus();
    }
  }

  #endDownload() {
    this.#download.abort();
    open.address = null;
    this.#waiting.hidden = true;
  }
}
