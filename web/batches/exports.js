// The menu of palette files. The pictures of a job share one, which opens beside the button that was pressed.
import { announce } from "../lib/announce.js";
import { ApiError, jobPath, save, send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { EXPORTS } from "../lib/exports.js";
import { stem } from "../lib/names.js";
import { t } from "../lib/texts.js";

export class ExportMenu {
  #job;
  #closing = new AbortController();
  /** @type {HTMLElement | null} */
  #button = null;
  element;

  /** @param {string} job the job's id */
  constructor(job) {
    this.#job = job;
    const items = EXPORTS.map((format) =>
      el("button", { type: "button", role: "menuitem", tabindex: -1, data: { format }, onclick: () => void this.#save(format) }, t(`batches.exports.${format.replace(".", "-")}`)),
    );
    this.element = el("div", { class: "export-menu", role: "menu", popover: "auto", "aria-label": t("batches.exports.label") }, ...items);
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("toggle", (event) => {
      const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
      this.#button?.setAttribute("aria-expanded", String(isOpen));
      if (isOpen) items[0]?.focus();
    });
  }

  /** Opens the menu of a picture. @param {HTMLElement} button with the picture's number and name as data */
  open(button) {
    this.#button = button;
    this.element.showPopover();
    const [at, size] = [button.getBoundingClientRect(), this.element.getBoundingClientRect()];
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8));
    const below = at.bottom + 4;
    const top = below + size.height > window.innerHeight ? Math.max(8, at.top - size.height - 4) : below;
    this.element.style.setProperty("left", `${left}px`);
    this.element.style.setProperty("top", `${top}px`);
  }

  close() {
    this.#closing.abort();
    this.element.remove();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const items = /** @type {HTMLElement[]} */ ([...this.element.children]);
    const at = items.findIndex((item) => item === document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items.at(next % items.length)?.focus();
    } else if (event.key === "Tab") {
      event.preventDefault();
      this.#dismiss();
    }
  }

  #dismiss() {
    this.element.hidePopover();
    this.#button?.focus();
  }

  /** @param {string} format */
  async #save(format) {
    const { index = "0", name = "" } = this.#button?.dataset ?? {};
    this.#dismiss();
    try {
      const response = await send(jobPath(this.#job, `/results/${index}/palette.${format}`), { signal: this.#closing.signal });
      const file = `${stem(name)}.palette.${format}`;
      save(await response.blob(), file);
      announce(t("batches.exports.saved", { name: file }));
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      announce(error instanceof ApiError ? error.message : t("error.page"));
      if (this.#button) showFault(this.#button, error instanceof ApiError ? error.message : t("error.page"));
    }
  }
}

/** Says below a picture's buttons what went wrong. @param {HTMLElement} button @param {string} message */
function showFault(button, message) {
  const actions = button.parentElement;
  if (actions?.nextElementSibling?.classList.contains("wrong")) actions.nextElementSibling.remove();
  actions?.after(el("p", { class: "wrong" }, message));
}
