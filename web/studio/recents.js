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

/** @type {Recent[]} */
let list = [];

/** @param {Picture} one @param {Picture} other */
const isSame = (one, other) => one.file === other.file || (one.address !== null && one.address === other.address);

/** A small copy of an image that is shown. @param {HTMLImageElement} image @returns {Promise<Blob | null>} */
async function reduced(image) {
  if (image.naturalWidth * image.naturalHeight > MOST_PIXELS) return null;
  await image.decode();
  const canvas = el("canvas", { width: Math.min(4 * HEIGHT, Math.max(1, Math.round((HEIGHT * image.naturalWidth) / image.naturalHeight))), height: HEIGHT });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.8));
}

export const recents = {
  /** @param {Picture} picture @param {import("./types.js").Result} result @param {HTMLImageElement} image */
  async add(picture, result, image) {
    /** @type {Recent} */
    const recent = { picture, thumbnail: null, colors: result.colors.slice(0, 5).map(({ hex }) => hex) };
    list = [recent, ...list.filter((each) => !isSame(each.picture, picture))].slice(0, MOST);
    recent.thumbnail = await reduced(image).catch(() => null);
  },
};

/** @param {{ onOpen: (picture: Picture) => void }} handlers */
export function createRecents({ onOpen }) {
  const row = el("ul", { class: "recents" });
  const element = el("nav", { class: "recents-bar", "aria-label": t("studio.recents.title"), hidden: true }, row);
  /** @type {string[]} */
  let addresses = [];
  const clear = () => {
    addresses.forEach((address) => URL.revokeObjectURL(address));
    addresses = [];
    fill(row);
  };
  /** @param {Recent} recent @param {boolean} isCurrent */
  const entry = ({ picture, thumbnail, colors }, isCurrent) => {
    const address = thumbnail ? URL.createObjectURL(thumbnail) : null;
    if (address) addresses.push(address);
    const face = address ? el("img", { src: address, alt: "" }) : el("span", { class: "recent-colors" }, colors.map((hex) => el("span", { style: { "background-color": hex } })));
    return el("li", {}, el("button", { type: "button", class: "recent", "aria-current": isCurrent ? "true" : null, "aria-label": t("studio.recents.open", { name: picture.file.name }), title: picture.file.name, onclick: () => onOpen(picture) }, face));
  };
  return {
    element,
    clear,
    /** @param {Picture | null} current */
    show(current) {
      clear();
      element.hidden = list.length < 2;
      fill(row, list.map((recent) => entry(recent, current !== null && isSame(recent.picture, current))));
    },
  };
}
