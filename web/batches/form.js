// The form of a new job: files, folders, archives and addresses, options, and sending with progress. What does not fit
// into one job becomes several. What it shows is in the draft, so that another form can go on with it.
import { ApiError } from "../lib/api.js";
import { announce } from "../lib/announce.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { takeHandedOver } from "../lib/handover.js";
import { problem } from "../lib/problem.js";
import { t } from "../lib/texts.js";
import { readAddresses } from "./addresses.js";
import { createChosen } from "./chosen.js";
import { clearDraft, draft, isSending, keepRest, settleDraft } from "./draft.js";
import { createDrop } from "./drop.js";
import { createOptions } from "./options.js";
import { MOST_PICTURES, MOST_URLS, partsOf } from "./parts.js";
import { uuid } from "./random.js";
import { Sending } from "./sending.js";
import { createUploadBar } from "./uploadbar.js";
import { picturesIn } from "./zip.js";

/** @typedef {import("./parts.js").Part} Part */

export class Form {
  #selection = draft.selection;
  #closing = new AbortController();
  /** The options that the last jobs were sent with. */
  #asked = "{}";
  #options = createOptions(draft.options);
  #chosen;
  #area;
  #areaStatus = el("div", { class: "area-status" });
  #inputs;
  #plan = el("div", { class: "plan", id: uniqueId("plan") });
  #outcome = el("div", { class: "outcome" });
  #onSent;

  /** @param {{ onSent: (ids: string[]) => void }} options */
  constructor({ onSent }) {
    this.#onSent = onSent;
    this.#chosen = createChosen({
      onRemove: (some) => {
        this.#change(() => some.forEach((chosen) => this.#selection.remove(chosen)));
        this.#focusChosen();
      },
      onClear: () => {
        this.#change(() => this.#selection.clear());
        this.#focusChosen();
      },
    });
    const area = uniqueId("urls");
    this.#area = el("textarea", { id: area, rows: 4, spellcheck: "false", autocomplete: "off", placeholder: "https://example.org/photo.jpg", "aria-describedby": `${area}-status`, oninput: () => this.#change(() => { draft.addresses = this.#area.value; }) });
    this.#areaStatus.id = `${area}-status`;
    const drop = createDrop({ signal: this.#closing.signal, onFiles: (files, unreadable) => this.#add(files, unreadable) });
    const field = el("div", { class: "field" }, el("label", { for: area }, t("batches.urls.label")), this.#area, this.#areaStatus);
    this.#inputs = el("div", { class: "inputs" }, drop, this.#chosen.element, field, this.#options.element);
    this.element = el(
      "section",
      { class: "new-job panel", "aria-labelledby": `${area}-heading` },
      el("h2", { id: `${area}-heading` }, t("batches.new.title")),
      this.#inputs,
      this.#plan,
      this.#outcome,
    );
    settleDraft();
    this.#area.value = draft.addresses;
    this.#show();
    this.#resume();
  }

  /** Takes what another view gave. */
  show() {
    const files = takeHandedOver();
    if (files.length > 0) this.#add(files);
  }

  close() {
    this.#closing.abort();
    draft.sending?.follow(null);
    this.#chosen.release();
  }

  /** @param {import("./types.js").Chosen[]} files @param {import("./types.js").LeftOut[]} [unreadable] */
  #add(files, unreadable) {
    if (isSending()) return;
    this.#change(() => this.#selection.add(files, unreadable));
    const { pictures, zips, leftOut } = this.#selection;
    announce(t("batches.chosen.announce", { pictures: pictures.length, zips: zips.length, leftOut: leftOut.length }));
    void this.#count();
  }

  /** Looks into the archives that were not looked into yet. */
  async #count() {
    for (const zip of this.#selection.zips) {
      if (zip.count !== undefined) continue;
      zip.count = null;
      zip.count = await picturesIn(zip.file);
      if (!isSending()) this.#showPlan();
    }
  }

  /** @param {() => void} action */
  #change(action) {
    action();
    draft.sending = null;
    fill(this.#outcome);
    this.#show();
  }

  #show() {
    this.#chosen.show(this.#selection);
    this.#showAddresses();
    this.#showPlan();
  }

  #showAddresses() {
    const { urls, wrong } = readAddresses(this.#area.value);
    const lines = wrong.slice(0, 10).map(({ line, text }) => el("li", {}, t("batches.urls.line", { line }), " ", el("code", {}, text.slice(0, 120))));
    fill(
      this.#areaStatus,
      el("p", { class: "hint" }, urls.length > 0 ? t("batches.urls.count", { count: urls.length }) : t("batches.urls.hint")),
      wrong.length > 0 && el("p", { class: "wrong" }, t("batches.urls.wrong", { count: wrong.length })),
      wrong.length > 0 && el("ul", { class: "wrong-lines" }, ...lines),
    );
  }

  #wanted() {
    return partsOf(this.#selection, readAddresses(this.#area.value).urls);
  }

  #showPlan(parts = this.#wanted()) {
    const { zips } = this.#selection;
    const start = (/** @type {Part[]} */ some) => () => this.#send(some);
    const isSplit = parts.length > 1;
    const rows = parts.map((part) => el("li", {}, titleOf(part), " · ", countOf(part)));
    const hasTooMany = parts.filter((part) => part.pictures).length > 1 || parts.filter((part) => part.urls).length > 1;
    fill(
      this.#plan,
      zips.some(({ count }) => (count ?? 0) > MOST_PICTURES) && el("p", { class: "limit zip-limit" }, t("batches.plan.zipLimit", { pictures: MOST_PICTURES })),
      hasTooMany && el("p", { class: "limit" }, t("batches.plan.limit", { pictures: MOST_PICTURES, urls: MOST_URLS })),
      isSplit && el("ol", { class: "plan-jobs", "aria-label": t("batches.plan.label") }, ...rows),
      el(
        "div",
        { class: "actions" },
        el("button", { type: "button", class: "primary start", disabled: parts.length === 0, onclick: start(parts) }, isSplit ? t("batches.plan.all", { count: parts.length }) : t("batches.plan.start")),
        parts.filter((part) => part.pictures).length > 1 && el("button", { type: "button", class: "start-first", onclick: start(parts.slice(0, 1)) }, t("batches.plan.first", { count: parts[0]?.count ?? 0 })),
      ),
    );
  }

  /** @param {Part[]} wanted */
  #send(wanted) {
    const options = this.#options.read();
    if (!options || isSending()) return;
    // With other options it is another request, so it has another key.
    const asked = JSON.stringify(options);
    const parts = asked === this.#asked ? wanted : wanted.map((part) => ({ ...part, key: uuid() }));
    this.#asked = asked;
    draft.sending = new Sending(parts, options);
    this.#follow(draft.sending);
    void draft.sending.run();
  }

  /** Goes on with what a form before this one has begun. */
  #resume() {
    const { sending } = draft;
    if (!sending) return;
    this.#asked = JSON.stringify(sending.options);
    if (sending.outcome) return this.#ended(sending.outcome);
    this.#follow(sending);
    this.#progress(sending.parts, sending.at)(sending.share);
  }

  /** @param {Sending} sending */
  #follow(sending) {
    let update = (/** @type {number} */ _) => {};
    sending.follow({
      onPart: (at) => { update = this.#progress(sending.parts, at); },
      onProgress: (share) => update(share),
      onEnd: (outcome) => this.#ended(outcome),
    });
  }

  /** Shows the progress of one of the jobs. @param {Part[]} parts @param {number} at */
  #progress(parts, at) {
    const title = parts.length > 1 ? t("batches.sending.nth", { at: at + 1, count: parts.length }) : t("batches.sending.one");
    const bar = createUploadBar({ title, name: parts[at]?.name ?? "", onCancel: () => draft.sending?.stop() });
    const hadFocus = at === 0 || this.#plan.contains(document.activeElement);
    this.#inputs.inert = true;
    fill(this.#plan, bar.element);
    fill(this.#outcome);
    if (at === 0) announce(title);
    if (hadFocus) bar.focus();
    return bar.update;
  }

  /** @param {import("./sending.js").Outcome} outcome */
  #ended({ ids, rest, error }) {
    this.#inputs.inert = false;
    if (error === null) {
      clearDraft();
      this.#area.value = "";
      this.#change(() => {});
      this.#onSent(ids);
    } else {
      this.#failed(error, rest, ids);
    }
  }

  /** @param {unknown} error @param {Part[]} rest the jobs that are not sent @param {string[]} ids those that are */
  #failed(error, rest, ids) {
    if (ids.length > 0) this.#removeSent(rest);
    // The same jobs with the same keys: one whose answer was lost is not made twice.
    this.#showPlan(rest);
    if (error instanceof DOMException && error.name === "AbortError") {
      announce(t("batches.sending.canceled"));
      fill(this.#outcome, el("p", { class: "hint" }, t("batches.sending.canceled")));
      return void this.#plan.querySelector("button")?.focus();
    }
    const shown = problem(error, { retry: () => this.#send(rest) });
    const started = ids.length > 0 && el("p", {}, t("batches.sending.some", { count: ids.length }));
    fill(this.#outcome, shown, started);
    if (!(error instanceof ApiError)) return;
    shown.tabIndex = -1;
    shown.focus();
  }

  /** Leaves in the form what is not sent yet. @param {Part[]} rest */
  #removeSent(rest) {
    keepRest(rest);
    this.#area.value = draft.addresses;
    this.#chosen.show(this.#selection);
    this.#showAddresses();
  }

  /** Moves the focus to what is near the button that was pressed and is gone. */
  #focusChosen() {
    const next = this.element.querySelector(".chosen-files[open] .remove") ?? this.element.querySelector(".chosen-files summary") ?? this.element.querySelector(".choose-files");
    /** @type {HTMLElement | null} */ (next)?.focus();
  }
}

/** @param {Part} part */
const titleOf = ({ name }) => el("strong", {}, name);

/** @param {Part} part */
const countOf = ({ count, zip }) =>
  [zip && t("batches.count.zips", { count: 1 }), count !== null && t("batches.count.pictures", { count })].filter(Boolean).join(", ");
