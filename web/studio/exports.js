// The palette as files for other programs: a preview of those that are text, to copy and to save.
import { announce } from "../lib/announce.js";
import { save } from "../lib/api.js";
import { copy } from "../lib/copy.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { EXPORTS } from "../lib/exports.js";
import { stem } from "../lib/names.js";
import { problem } from "../lib/problem.js";
import { key } from "../lib/session.js";
import { t } from "../lib/texts.js";
import { createChoice } from "./choice.js";
import { showCopied } from "./copied.js";
import { curlLine } from "./curl.js";
import { createLine } from "./line.js";
import { paletteFields } from "./options.js";
import { exported } from "./requests.js";

/** @typedef {import("../lib/exports.js").ExportName} ExportName */
/** @typedef {import("./types.js").Shown} Shown */

export class Exports {
  #preview = el("pre", { class: "preview", tabindex: "0", role: "region", "aria-label": t("studio.exports.preview") });
  #picture = el("img", { class: "preview-picture", alt: t("studio.exports.strip"), hidden: true });
  #about = el("p", { class: "hint" });
  #trouble = el("div", {});
  #line = createLine(t("studio.exports.curl"));
  #saveButton = el("button", { type: "button", class: "primary", disabled: true }, t("studio.save"));
  #copyButton = el("button", { type: "button", disabled: true }, t("copy.copy"));
  #watcher = new IntersectionObserver(([entry]) => this.#onSight(entry), { rootMargin: "200px" });
  /** @type {ExportName} */
  #name = "css";
  /** @type {Shown | null} */
  #shown = null;
  /** @type {{ blob: Blob, text: string | null, file: string } | null} */
  #found = null;
  /** What was loaded, or is loading. */
  #asked = "";
  #isSeen = false;
  #request = new AbortController();
  #onKey = () => this.#showLine();

  constructor() {
    const title = uniqueId("exports");
    const names = createChoice({ label: t("studio.exports.format"), values: EXPORTS, text: (name) => name, value: this.#name, onChange: (name) => this.#choose(name) });
    this.#saveButton.addEventListener("click", () => this.#save());
    this.#copyButton.addEventListener("click", () => void this.#copy());
    this.element = el(
      "section",
      { class: "panel exports-panel", "aria-labelledby": title },
      el("div", { class: "panel-head" }, el("h3", { id: title }, t("studio.exports.title")), names.element),
      this.#about, this.#picture, this.#preview, this.#trouble,
      el("div", { class: "actions" }, this.#saveButton, this.#copyButton),
      this.#line.element,
    );
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    if (shown.isNew) this.#asked = "";
    this.#watcher.observe(this.element);
    window.addEventListener("huemill:key", this.#onKey);
    void this.#load();
  }

  /** @param {unknown} [reason] */
  clear(reason) {
    this.#watcher.disconnect();
    window.removeEventListener("huemill:key", this.#onKey);
    this.#request.abort(reason);
    URL.revokeObjectURL(this.#picture.src);
    this.#shown = this.#found = null;
    this.#asked = "";
    this.#isSeen = false;
    this.#preview.textContent = "";
  }

  /** @param {ExportName} name */
  #choose(name) {
    this.#name = name;
    void this.#load();
  }

  /** @param {IntersectionObserverEntry | undefined} entry */
  #onSight(entry) {
    this.#isSeen = entry?.isIntersecting ?? false;
    void this.#load();
  }

  async #load() {
    if (!this.#shown || !this.#isSeen) return;
    const { picture: { file }, options } = this.#shown;
    const name = this.#name;
    const asked = JSON.stringify([name, paletteFields(options)]);
    this.#showLine();
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.#setReady(false);
    fill(this.#trouble);
    try {
      const blob = await exported(file, options, name, signal);
      const text = name === "ase" ? null : await blob.text();
      if (!signal.aborted) this.#display(name, { blob, text, file: `${stem(file.name)}.${name}` });
    } catch (error) {
      if (signal.aborted) return;
      this.#asked = "";
      fill(this.#trouble, problem(error, { retry: () => void this.#load() }));
    }
  }

  #showLine() {
    if (!this.#shown) return;
    const { picture, options } = this.#shown;
    const output = `${stem(picture.file.name)}.${this.#name}`;
    this.#line.set(curlLine(picture, paletteFields(options), { hasKey: key("user") !== null, query: `?export=${this.#name}`, output }));
  }

  /** @param {ExportName} name @param {{ blob: Blob, text: string | null, file: string }} found */
  #display(name, found) {
    this.#found = found;
    this.#about.textContent = t(`studio.exports.about.${name.replace(".", "_")}`);
    URL.revokeObjectURL(this.#picture.src);
    this.#picture.hidden = name !== "svg";
    if (name === "svg") this.#picture.src = URL.createObjectURL(found.blob);
    this.#preview.hidden = found.text === null;
    this.#preview.textContent = found.text ?? "";
    this.#preview.scrollTop = 0;
    this.#setReady(true);
  }

  /** @param {boolean} isReady */
  #setReady(isReady) {
    this.#preview.setAttribute("aria-busy", String(!isReady));
    this.#saveButton.disabled = !isReady;
    this.#copyButton.disabled = !isReady || this.#found?.text === null;
  }

  #save() {
    if (!this.#found) return;
    save(this.#found.blob, this.#found.file);
    announce(t("studio.saved", { name: this.#found.file }));
  }

  async #copy() {
    if (!this.#found?.text || !(await copy(this.#found.text))) return;
    // The whole file is too much to be read out.
    announce(t("studio.exports.copied", { name: this.#found.file }));
    showCopied(this.#copyButton);
  }
}
