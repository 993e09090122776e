// The palette as files for other programs: a preview of those that are text, to copy and to save.
import { announce } from "../lib/announce.js";
import { save } from "../lib/api.js";
import { copy } from "../lib/copy.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { key } from "../lib/session.js";
import { t } from "../lib/texts.js";
import { stem } from "./cards.js";
import { createChoice } from "./choice.js";
import { curlLine } from "./curl.js";
import { createLine } from "./line.js";
import { paletteFields } from "./options.js";
import { exported, EXPORTS } from "./requests.js";

/** @typedef {import("./requests.js").ExportName} ExportName */
/** @typedef {import("./types.js").Shown} Shown */

/** @returns {import("./types.js").Panel} */
export function createExports() {
  const title = uniqueId("exports");
  const preview = el("pre", { class: "preview", tabindex: "0", role: "region", "aria-label": t("studio.exports.preview") });
  const picture = el("img", { class: "preview-picture", alt: t("studio.exports.strip"), hidden: true });
  const about = el("p", { class: "hint" });
  const place = el("div", {});
  const line = createLine(t("studio.exports.curl"));
  const copyButton = el("button", { type: "button", disabled: true }, t("copy.copy"));
  const saveButton = el("button", { type: "button", class: "primary", disabled: true }, t("studio.save"));
  /** @type {ExportName} */
  let name = "css";
  const names = createChoice({ label: t("studio.exports.format"), values: EXPORTS, text: (each) => each, value: name, className: "wrapping", onChange: (next) => { name = next; void load(); } });
  const element = el(
    "section",
    { class: "panel exports-panel", "aria-labelledby": title },
    el("div", { class: "panel-head" }, el("h3", { id: title }, t("studio.exports.title")), names.element),
    about, picture, preview, place,
    el("div", { class: "actions" }, saveButton, copyButton),
    line.element,
  );

  /** @type {Shown | null} */
  let shown = null;
  /** @type {{ blob: Blob, text: string | null, file: string } | null} */
  let found = null;
  let loaded = "";
  let isSeen = false;
  let request = new AbortController();
  const watcher = new IntersectionObserver(([entry]) => {
    isSeen = entry?.isIntersecting ?? false;
    void load();
  }, { rootMargin: "200px" });

  async function load() {
    if (!shown || !isSeen) return;
    const { picture: { file }, options } = shown;
    const wanted = JSON.stringify([name, paletteFields(options)]);
    showLine();
    if (wanted === loaded) return;
    request.abort();
    request = new AbortController();
    const { signal } = request;
    loaded = wanted;
    const asked = name;
    saveButton.disabled = copyButton.disabled = true;
    preview.setAttribute("aria-busy", "true");
    fill(place);
    try {
      const blob = await exported(file, options, asked, signal);
      const text = asked === "ase" ? null : await blob.text();
      if (signal.aborted) return;
      found = { blob, text, file: `${stem(file.name)}.${asked}` };
      display(asked, found);
    } catch (error) {
      if (signal.aborted) return;
      loaded = "";
      fill(place, problem(error, { retry: () => void load() }));
    }
  }

  function showLine() {
    if (!shown) return;
    const { picture, options } = shown;
    line.set(curlLine(picture, paletteFields(options), { hasKey: key("user") !== null, query: `?export=${name}`, output: `${stem(picture.file.name)}.${name}` }));
  }

  /** @param {ExportName} asked @param {{ blob: Blob, text: string | null }} answer */
  function display(asked, { blob, text }) {
    about.textContent = t(`studio.exports.about.${asked.replace(".", "_")}`);
    URL.revokeObjectURL(picture.src);
    picture.hidden = asked !== "svg";
    if (asked === "svg") picture.src = URL.createObjectURL(blob);
    preview.hidden = text === null;
    preview.textContent = text ?? "";
    preview.setAttribute("aria-busy", "false");
    preview.scrollTop = 0;
    saveButton.disabled = false;
    copyButton.disabled = text === null;
  }

  saveButton.addEventListener("click", () => {
    if (!found) return;
    save(found.blob, found.file);
    announce(t("studio.saved", { name: found.file }));
  });
  copyButton.addEventListener("click", async () => {
    if (!found?.text || !(await copy(found.text))) return;
    announce(t("studio.exports.copied", { name: found.file }));
    copyButton.textContent = t("studio.palette.copied");
    setTimeout(() => void (copyButton.textContent = t("copy.copy")), 1600);
  });

  return {
    element,
    show(next) {
      shown = next;
      if (next.isNew) loaded = "";
      watcher.observe(element);
      void load();
    },
    clear() {
      watcher.disconnect();
      request.abort();
      URL.revokeObjectURL(picture.src);
      [shown, found, loaded, isSeen] = [null, null, "", false];
    },
  };
}
