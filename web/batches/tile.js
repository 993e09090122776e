// One picture of a job: its card, its name, its colours and what can be saved of it; or why it failed.
import { ownUrl } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { stem } from "../lib/names.js";
import { t } from "../lib/texts.js";
import { paletteStrip } from "./palette.js";

/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./types.js").Swatch} Swatch */

/** @param {string} link */
const own = (link) => (link.startsWith("data:") ? link : ownUrl(link).href);

/** @param {string} link */
const inline = (link) => (link.startsWith("data:") ? link : `${own(link)}${link.includes("?") ? "&" : "?"}disposition=inline`);

/** @param {Result} result */
export function resultTile(result) {
  const { index, filename, social_image: link, colors } = result;
  const image = link && cardImage(inline(link), filename);
  // The service names the file with the right extension.
  const save = link && el("a", { class: "button", href: own(link), download: stem(filename) }, t("batches.tile.save"));
  return el(
    "li",
    { class: "tile", data: { index: String(index) } },
    el(
      "div",
      { class: "tile-card" },
      image && link ? el("a", { href: inline(link), target: "_blank", rel: "noopener", "aria-label": t("batches.tile.open", { name: filename }) }, image) : colorBars(colors),
    ),
    el("p", { class: "tile-name", title: result.url ?? filename }, filename),
    paletteStrip(colors, filename),
    el(
      "div",
      { class: "actions" },
      save,
      el("button", { type: "button", class: "export", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": t("batches.tile.exportOf", { name: filename }), data: { index: String(index), name: filename } }, t("batches.tile.export")),
    ),
  );
}

/** @param {Failure} failure @param {string} requestId of the job */
export const failureTile = ({ index, filename, url, error_code, user_message }, requestId) =>
  el(
    "li",
    { class: "tile is-failure", data: { index: String(index), code: error_code } },
    el("p", { class: "tile-name", title: url ?? filename }, filename),
    el("p", { class: "tile-message" }, user_message),
    url ? el("p", { class: "tile-url" }, url) : null,
    el("p", { class: "tile-code" }, el("code", {}, error_code), " · ", t("error.request"), " ", el("code", {}, requestId)),
  );

/** @param {string} address @param {string} name */
const cardImage = (address, name) =>
  el("img", { src: address, alt: t("batches.tile.card", { name }), loading: "lazy", decoding: "async" });

/** What stands where a card would, for a job without cards. @param {Swatch[]} colors */
const colorBars = (colors) =>
  el(
    "div",
    { class: "tile-bars", "aria-hidden": "true" },
    ...colors.filter(({ share }) => share > 0).map(({ hex, share }) => el("i", { style: { "background-color": hex, "flex-grow": String(share) } })),
  );
