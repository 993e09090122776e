// Shows a card as large as the window allows, and the ones before and after it.
import { el, fill, uniqueId } from "../lib/dom.js";
import { formatNumber, t } from "../lib/texts.js";

export class Viewer {
  #grid;
  /** @type {HTMLElement[]} */
  #links = [];
  #at = 0;
  #image = el("img", { alt: "" });
  #caption = el("p", { class: "viewer-name", id: uniqueId("viewer") });
  #place = el("p", { class: "viewer-place hint" });
  #save = el("div", {});
  element;

  /** @param {HTMLElement} grid whose tiles have links to their cards @param {AbortSignal} signal */
  constructor(grid, signal) {
    this.#grid = grid;
    const step = (/** @type {number} */ by, /** @type {string} */ name, /** @type {string} */ sign) =>
      el("button", { type: "button", class: `viewer-${name}`, "aria-label": t(`batches.viewer.${name}`), onclick: () => this.#step(by) }, sign);
    this.element = el(
      "dialog",
      { class: "viewer", "aria-labelledby": this.#caption.id },
      el("div", { class: "viewer-card" }, this.#image),
      el(
        "div",
        { class: "viewer-foot" },
        el("div", { class: "viewer-text" }, this.#caption, this.#place),
        el("div", { class: "actions" }, step(-1, "previous", "←"), step(1, "next", "→"), this.#save, el("button", { type: "button", class: "viewer-close", onclick: () => this.element.close() }, t("batches.viewer.close"))),
      ),
    );
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("close", () => this.#closed());
    this.element.addEventListener("click", ({ target }) => { if (target === this.element) this.element.close(); });
    grid.addEventListener("click", (event) => this.#onClick(event), { signal });
  }

  close() {
    this.element.close();
    this.element.remove();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const link = event.target instanceof Element ? event.target.closest(".tile-card a") : null;
    // With a modifier, the browser opens a tab or a window.
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#links = /** @type {HTMLElement[]} */ ([...this.#grid.querySelectorAll(".tile-card a")]);
    this.element.showModal();
    this.#show(this.#links.indexOf(link));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "ArrowRight") this.#step(1);
    else if (event.key === "ArrowLeft") this.#step(-1);
  }

  /** @param {number} by */
  #step(by) {
    this.#show((this.#at + by + this.#links.length) % this.#links.length);
  }

  /** @param {number} at */
  #show(at) {
    const link = this.#links[at];
    const tile = link?.closest(".tile");
    if (!link || !tile) return;
    this.#at = at;
    const name = tile.querySelector(".tile-name")?.textContent ?? "";
    this.#image.src = /** @type {HTMLAnchorElement} */ (link).href;
    this.#image.alt = t("batches.tile.card", { name });
    this.#caption.textContent = name;
    this.#place.textContent = t("batches.viewer.place", { at: formatNumber(at + 1), count: formatNumber(this.#links.length) });
    const save = /** @type {HTMLAnchorElement | null} */ (tile.querySelector("a[download]"));
    fill(this.#save, save && el("a", { class: "button", href: save.href, download: save.download }, t("batches.tile.save")));
  }

  /** The focus returns to the card that was seen last. */
  #closed() {
    const link = this.#links[this.#at];
    this.#image.removeAttribute("src");
    this.#links = [];
    link?.scrollIntoView({ block: "nearest" });
    link?.focus();
  }
}
