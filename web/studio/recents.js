// The pictures of this visit, to open again. They are kept in memory alone, the last eight, each with a small copy that
// is made from what the page shows anyway.
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {{ picture: Picture, thumbnail: Blob | null, colors: string[] }} Recent */

const MOST = 8;
const HEIGHT = 96;
/** Above this, a copy costs more memory than it is worth, and the colours stand for the picture. */
const MOST_PIXELS = 16e6;
const COLORS = 5;

/** @type {Recent[]} */
let list = [];

/** @param {Picture} one @param {Picture} other */
const isSame = (one, other) => one.file === other.file || (one.address !== null && one.address === other.address);

/** A small copy of an image that is shown. @param {HTMLImageElement} image @returns {Promise<Blob | null>} */
async function reduced(image) {
  if (image.naturalWidth * image.naturalHeight > MOST_PIXELS) return null;
  await image.decode();
  const width = Math.round((HEIGHT * image.naturalWidth) / image.naturalHeight);
  const canvas = el("canvas", { width: Math.min(4 * HEIGHT, Math.max(1, width)), height: HEIGHT });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.8));
}

/** Puts a picture in front of the others. @param {Picture} picture @param {import("./types.js").Result} result @param {HTMLImageElement} image */
export async function remember(picture, result, image) {
  /** @type {Recent} */
  const recent = { picture, thumbnail: null, colors: result.colors.slice(0, COLORS).map(({ hex }) => hex) };
  list = [recent, ...list.filter((each) => !isSame(each.picture, picture))].slice(0, MOST);
  // Where the browser cannot show the file, or another one has taken its place, its colours stand for it.
  recent.thumbnail = await reduced(image).catch(() => null);
}

export class RecentStrip {
  #row = el("ul", { class: "recents" });
  element = el("nav", { class: "recents-bar", "aria-label": t("studio.recents.title"), hidden: true }, this.#row);
  #onOpen;
  /** @type {string[]} */
  #addresses = [];

  /** @param {{ onOpen: (picture: Picture) => void }} handlers */
  constructor({ onOpen }) {
    this.#onOpen = onOpen;
  }

  /** @param {Picture | null} current */
  show(current) {
    this.clear();
    // One picture is the one that is open.
    this.element.hidden = list.length < 2;
    fill(this.#row, list.map((recent) => this.#entry(recent, current !== null && isSame(recent.picture, current))));
  }

  clear() {
    for (const address of this.#addresses) URL.revokeObjectURL(address);
    this.#addresses = [];
    fill(this.#row);
  }

  /** @param {Recent} recent @param {boolean} isCurrent */
  #entry({ picture, thumbnail, colors }, isCurrent) {
    const { name } = picture.file;
    const attributes = { type: "button", class: "recent", "aria-current": isCurrent ? "true" : null, "aria-label": t("studio.recents.open", { name }), title: name };
    const face = thumbnail ? el("img", { src: this.#address(thumbnail), alt: "" }) : el("span", { class: "recent-colors" }, colors.map((hex) => el("span", { style: { "background-color": hex } })));
    return el("li", {}, el("button", { ...attributes, onclick: () => this.#onOpen(picture) }, face));
  }

  /** @param {Blob} blob */
  #address(blob) {
    const address = URL.createObjectURL(blob);
    this.#addresses.push(address);
    return address;
  }
}
