// The Studio view: one picture with its palette, its crop, its cards, and the options that decide them.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { handOver, takeHandedOver } from "../lib/handover.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";
import { listen } from "./drop.js";
import { createIntake, offerBatch } from "./intake.js";
import { createRecents, recents } from "./recents.js";
import { fetchPicture } from "./requests.js";
import { createResults } from "./results.js";

/** @typedef {import("./types.js").Picture} Picture */

/** The picture that is open; it stays when the page changes its language. @type {Picture | null} */
let current = null;

/** @returns {import("../app.js").View} */
export function createView() {
  const intake = createIntake({ onFiles: take, onAddress: (address) => void openAddress(address) });
  const trouble = el("div", { class: "trouble", tabindex: "-1" });
  const waiting = el("div", { class: "panel waiting", hidden: true }, el("p", {}), el("progress", { "aria-label": t("studio.working") }));
  const strip = createRecents({ onOpen: (picture) => open(picture) });
  const results = createResults({
    onResult: (picture, result, image) => recents.add(picture, result, image).then(() => strip.show(current), () => undefined),
  });
  let download = new AbortController();
  /** @type {(() => void) | null} */
  let stopListening = null;

  /** @param {import("./drop.js").Dropped} dropped */
  function take({ files, many }) {
    fill(intake.offer);
    if (many) offerBatch(intake.offer, files, { onBatch: () => handOver(files, "batches"), onFirst: (file) => open({ file, address: null }) });
    else if (files[0]) open({ file: files[0], address: null });
  }

  /** @param {Picture} picture @param {{ focus: boolean }} [how] */
  function open(picture, how = { focus: true }) {
    endDownload();
    fill(intake.offer);
    fill(trouble);
    current = picture;
    intake.setCompact(true);
    results.open(picture, how);
    strip.show(current);
  }

  /** @param {string} address */
  async function openAddress(address) {
    endDownload();
    download = new AbortController();
    const { signal } = download;
    fill(trouble);
    waiting.hidden = false;
    fill(/** @type {Element} */ (waiting.firstElementChild), t("studio.fetching", { address }));
    announce(t("studio.fetching", { address }));
    try {
      const file = await fetchPicture(address, signal);
      if (!signal.aborted) open({ file, address });
    } catch (error) {
      if (signal.aborted) return;
      waiting.hidden = true;
      fill(trouble, problem(error, { retry: () => void openAddress(address) }));
      trouble.focus();
    }
  }

  function endDownload() {
    download.abort();
    waiting.hidden = true;
  }

  const title = el("div", { class: "studio-title" }, el("h1", {}, t("studio.title")), el("p", { class: "lead" }, t("studio.lead")));
  const element = el("section", { class: "studio" }, el("div", { class: "studio-head" }, title, intake.element), intake.offer, waiting, trouble, strip.element, results.element);
  if (current) open(current, { focus: false });
  return {
    element,
    show() {
      stopListening ??= listen({ onFiles: take, onAddress: (address) => void openAddress(address), onHover: intake.setHover });
      const files = takeHandedOver();
      if (files.length > 0) take({ files, many: files.length > 1 });
    },
    hide() {
      stopListening?.();
      stopListening = null;
    },
    close() {
      this.hide?.();
      endDownload();
      results.clear();
      strip.clear();
    },
  };
}
