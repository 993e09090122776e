// The picture with what was found in it. The file itself is shown; where the browser cannot show it, or does not turn it
// upright, the service's own reading of it takes its place.
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { FocusPicker } from "./focus.js";
import { Overlay } from "./overlay.js";
import { wholePicture } from "./requests.js";

/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {import("./types.js").Shown} Shown */

export class Stage {
  image = el("img", { alt: "", draggable: "false" });
  #overlay = new Overlay();
  #notice = el("p", { class: "hint stage-notice", hidden: true });
  #picker;
  /** @type {{ shown: Shown, card: Rect | null } | null} */
  #latest = null;
  /** @type {Rect | null} what a replacement shows of the picture */
  #frame = null;
  #request = new AbortController();

  /** @param {{ onFocus: (point: import("./options.js").Point | null) => void }} handlers */
  constructor({ onFocus }) {
    const hint = uniqueId("stage-hint");
    this.#picker = new FocusPicker({ describedBy: hint, onFocus }, this.image, this.#overlay.drawing, this.#overlay.labels);
    const { surface, clearButton } = this.#picker;
    this.image.addEventListener("load", () => {
      surface.classList.remove("unseen");
      this.#shape(this.image.naturalWidth, this.image.naturalHeight);
    });
    this.image.addEventListener("error", () => surface.classList.add("unseen"));
    this.element = el(
      "section",
      { class: "panel stage", "aria-label": t("studio.picture.title") },
      el("div", { class: "mat" }, surface),
      el("div", { class: "stage-foot" }, this.#overlay.legend, clearButton),
      this.#notice,
      el("p", { id: hint, class: "hint" }, t("studio.picture.hint")),
    );
  }

  /** Shows a picture before anything is known of it. @param {File} file */
  open(file) {
    this.clear();
    this.image.alt = t("studio.picture.alt", { name: file.name });
    this.#display(file);
  }

  /** Shows what was found. @param {Shown} shown @param {Rect | null} card the part of the picture that the chosen card shows */
  async show(shown, card) {
    const { source } = shown.result;
    this.#latest = { shown, card };
    this.#picker.isReady = true;
    this.#shape(source.width, source.height);
    this.#picker.show(shown.options.focus);
    this.#draw();
    if (shown.isNew) await this.#replace(shown);
  }

  /** @param {unknown} [reason] */
  clear(reason) {
    this.#request.abort(reason);
    this.#request = new AbortController();
    URL.revokeObjectURL(this.image.src);
    this.image.removeAttribute("src");
    this.#latest = this.#frame = null;
    this.#notice.hidden = true;
    this.#picker.isReady = false;
    this.#picker.surface.classList.remove("unseen");
    this.#picker.show(null);
    this.#overlay.show(null);
  }

  #draw() {
    if (!this.#latest) return;
    const { shown: { result, options }, card } = this.#latest;
    const { source, crop, subject, faces } = result;
    const frame = this.#frame ?? { x: 0, y: 0, width: source.width, height: source.height };
    this.#overlay.show({ frame, crop, card, subject, faces, cardName: t(`studio.cards.kinds.${options.card}`) });
  }

  /** @param {number} width @param {number} height */
  #shape(width, height) {
    this.#picker.surface.style.setProperty("--ratio", String(width / height));
  }

  /** @param {Blob} blob */
  #display(blob) {
    URL.revokeObjectURL(this.image.src);
    this.image.src = URL.createObjectURL(blob);
  }

  /** Shows the service's reading where the browser's is not the same. @param {Shown} shown */
  async #replace({ picture, result: { source } }) {
    const { signal } = this.#request;
    await settled(this.image);
    const isSame = this.image.naturalWidth === source.width && this.image.naturalHeight === source.height;
    if (signal.aborted || isSame) return;
    try {
      const { blob, part } = await wholePicture(picture.file, source, signal);
      this.#frame = part;
      this.#display(blob);
      this.#notice.textContent = t("studio.picture.replaced");
      this.#draw();
    } catch {
      if (signal.aborted) return;
      // Everything but the picture itself is there.
      this.#notice.textContent = t("studio.picture.unshown");
    }
    this.#notice.hidden = false;
  }
}

/** Resolves when the browser has tried to read an image. @param {HTMLImageElement} image */
function settled(image) {
  return new Promise((resolve) => {
    if (image.complete) resolve(null);
    image.addEventListener("load", resolve, { once: true });
    image.addEventListener("error", resolve, { once: true });
  });
}
