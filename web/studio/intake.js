// Where pictures come in: the large drop zone, which becomes a bar once a picture is open.
import { announce } from "../lib/announce.js";
import { el, fill, svg, uniqueId } from "../lib/dom.js";
import { ACCEPTED, isArchive } from "../lib/filetypes.js";
import { chosenFiles } from "../lib/folder.js";
import { t } from "../lib/texts.js";
import { addressIn, dropped } from "./drop.js";

/** @typedef {import("./drop.js").Dropped} Dropped */

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

const arrow = () =>
  svg(
    "svg",
    { viewBox: "0 0 48 48", class: "drop-icon", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "2.5", "stroke-linecap": "round", "stroke-linejoin": "round" },
    svg("path", { d: "M24 6v24m-9-9 9 9 9-9" }),
    svg("path", { d: "M6 32v7a3 3 0 0 0 3 3h30a3 3 0 0 0 3-3v-7" }),
  );

/**
 * @param {{ onFiles: (dropped: Dropped) => void, onAddress: (address: string) => void }} handlers
 */
export function createIntake({ onFiles, onAddress }) {
  const picker = el("input", { type: "file", accept: ACCEPTED, multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", hidden: true });
  picker.addEventListener("change", () => {
    const files = [...(picker.files ?? [])];
    picker.value = "";
    if (files.length > 0) onFiles(dropped(chosenFiles(files)));
  });
  const choose = el("button", { type: "button", class: "primary choose", onclick: () => picker.click() });
  const address = addressForm(onAddress);
  const offer = el("div", { class: "offer", tabindex: "-1" });
  const element = el(
    "div",
    { class: "intake" },
    arrow(),
    el("p", { class: "drop-title" }, t("studio.drop.title")),
    el("p", { class: "drop-hint hint" }, t("studio.drop.hint")),
    el("div", { class: "intake-controls" }, choose, picker, address.element),
    el("p", { class: "drop-paste hint" }, t("studio.drop.paste", { keys: isMac ? "⌘V" : t("studio.drop.keys") })),
  );
  const setCompact = (/** @type {boolean} */ isCompact) => {
    element.classList.toggle("compact", isCompact);
    choose.textContent = t(isCompact ? "studio.drop.another" : "studio.drop.choose");
  };
  setCompact(false);
  return {
    element,
    offer,
    setCompact,
    clearError: address.clearError,
    /** @param {boolean} isOver */
    setHover: (isOver) => void element.classList.toggle("hover", isOver),
  };
}

/** @param {(address: string) => void} onAddress */
function addressForm(onAddress) {
  const [field, hint] = [uniqueId("address"), uniqueId("address-hint")];
  const input = el("input", { id: field, type: "url", inputmode: "url", placeholder: "https://…", autocomplete: "off", spellcheck: "false", "aria-describedby": hint });
  const error = el("p", { id: hint, class: "field-error" });
  const say = (/** @type {string} */ text) => {
    error.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => say(""));
  const form = el(
    "form",
    { class: "address", novalidate: true },
    el("label", { for: field }, t("studio.drop.address")),
    el("div", { class: "address-row" }, input, el("button", { type: "submit" }, t("studio.drop.open"))),
    error,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const address = addressIn(input.value);
    if (!address) {
      say(t("studio.drop.noAddress"));
      announce(t("studio.drop.noAddress"));
      input.focus();
      return;
    }
    input.value = "";
    onAddress(address);
  });
  return { element: form, clearError: () => say("") };
}

/**
 * Offers several files to the batches, or the first picture to the Studio.
 * @param {HTMLElement} place
 * @param {import("./drop.js").FoundFile[]} files
 * @param {{ onBatch: () => void, onFirst: (file: File) => void }} handlers
 */
export function offerBatch(place, files, { onBatch, onFirst }) {
  const close = () => fill(place);
  const batch = el("button", { type: "button", class: "primary", onclick: () => { close(); onBatch(); } }, t("studio.offer.batch"));
  const first = files.find(({ file }) => !isArchive(file));
  const isArchiveAlone = files.length === 1 && files.every(({ file }) => isArchive(file));
  const message = files.length === 0 ? t("studio.offer.none") : isArchiveAlone ? t("studio.offer.archive", { name: files[0]?.file.name ?? "" }) : t("studio.offer.files", { count: files.length });
  fill(
    place,
    el(
      "div",
      { class: "panel", role: "group", "aria-label": t("studio.offer.label") },
      el("p", {}, message),
      el(
        "div",
        { class: "actions" },
        files.length > 0 ? batch : null,
        first ? el("button", { type: "button", onclick: () => { close(); onFirst(first.file); } }, t("studio.offer.first", { name: first.file.name })) : null,
        el("button", { type: "button", class: "quiet", onclick: close }, t("studio.offer.cancel")),
      ),
    ),
  );
  announce(message);
  place.querySelector("button")?.focus();
}
