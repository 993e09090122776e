// The form of options. What has no effect beside the rest is disabled, so that no combination is refused.
import { el, uniqueId } from "../lib/dom.js";
import { formatPercent, t } from "../lib/texts.js";
import { createChoice } from "./choice.js";
import { CARD_KINDS, DEFAULTS, ratioOf } from "./options.js";

/** @typedef {import("./options.js").Options} Options */

const ASPECTS = ["3:2", "4:3", "1:1", "4:5", "2:3", "16:9", "9:16", "1.91:1"];
const OTHER = "other";

/** @param {{ onChange: (change: Partial<Options>) => void }} handlers */
export function createSettings({ onChange }) {
  const colors = range("colors", 2, 20, (value) => onChange({ colors: value }));
  const quality = range("quality", 1, 100, (value) => onChange({ quality: value }));
  const palette = choice("palette", ["balanced", "classic"], onChange);
  const crop = choice("crop", ["subject", "classic"], onChange);
  const theme = choice("theme", ["light", "dark", "auto"], onChange);
  const format = choice("format", ["png", "jpeg", "webp"], onChange);
  const aspect = aspectField((value) => onChange({ aspect: value }));
  const faces = checkbox((isOn) => onChange({ faces: isOn }));
  const focus = el("output", { class: "focus-text" });
  const clear = el("button", { type: "button", class: "small", onclick: () => { onChange({ focus: null }); crop.focus(); } }, t("studio.options.clear"));
  const card = select("card", CARD_KINDS.map((kind) => [kind, t(`studio.cards.kinds.${kind}`)]), (value) => onChange({ card: /** @type {Options["card"]} */ (value) }));
  const reset = el("button", { type: "button", class: "quiet reset", onclick: () => onChange({ ...DEFAULTS }) }, t("studio.options.reset"));
  const group = (/** @type {string} */ name, /** @type {import("../lib/dom.js").Child[]} */ ...fields) =>
    el("fieldset", { class: "settings-group" }, el("legend", {}, t(`studio.options.groups.${name}`)), ...fields);
  const form = el(
    "form",
    { class: "settings-form", onsubmit: (event) => event.preventDefault() },
    group("palette", colors.element, palette.element),
    group("crop", aspect.element, crop.element, faces.element, el("div", { class: "focus-row" }, el("span", { class: "label" }, t("studio.options.focus")), focus, clear)),
    group("card", card.element, theme.element, format.element, quality.element),
    reset,
  );
  const isWide = window.matchMedia("(width >= 64rem)").matches;
  const element = el("details", { class: "panel settings", open: isWide }, el("summary", {}, el("h3", {}, t("studio.options.title"))), form);
  return {
    element,
    /** @param {Options} options */
    show(options) {
      colors.set(options.colors);
      quality.set(options.quality);
      palette.set(options.palette);
      crop.set(options.crop);
      theme.set(options.theme);
      format.set(options.format);
      aspect.set(options.aspect);
      card.set(options.card);
      faces.set(options.faces);
      focus.textContent = options.focus ? `${formatPercent(options.focus.x)}, ${formatPercent(options.focus.y)}` : t("studio.options.focusNone");
      clear.hidden = !options.focus;
      crop.enable(!options.focus);
      faces.enable(!options.focus && options.crop === "subject");
      quality.element.hidden = options.format !== "jpeg";
    },
  };
}

/** @param {"palette" | "crop" | "theme" | "format"} name @param {string[]} values @param {(change: Partial<Options>) => void} onChange */
const choice = (name, values, onChange) =>
  createChoice({ label: t(`studio.options.${name}`), values, text: (value) => t(`studio.options.values.${value}`), value: String(DEFAULTS[name]), onChange: (value) => onChange({ [name]: value }) });

/** @param {"colors" | "quality"} name @param {number} min @param {number} max @param {(value: number) => void} onChange */
function range(name, min, max, onChange) {
  const id = uniqueId(name);
  const input = el("input", { id, type: "range", min, max, step: 1 });
  const output = el("output", { for: id });
  input.addEventListener("input", () => {
    output.textContent = input.value;
    onChange(Number(input.value));
  });
  return {
    element: el("div", { class: "field range" }, el("div", { class: "range-head" }, el("label", { for: id }, t(`studio.options.${name}`)), output), input),
    /** @param {number} value */
    set(value) {
      input.value = String(value);
      output.textContent = String(value);
    },
  };
}

/** @param {string} name @param {[string, string][]} values @param {(value: string) => void} onChange */
function select(name, values, onChange) {
  const id = uniqueId(name);
  const input = el("select", { id }, values.map(([value, text]) => el("option", { value }, text)));
  input.addEventListener("change", () => onChange(input.value));
  return {
    element: el("div", { class: "field" }, el("label", { for: id }, t(`studio.options.${name}`)), input),
    input,
    /** @param {string} value */
    set: (value) => void (input.value = value),
  };
}

/** @param {(isOn: boolean) => void} onChange */
function checkbox(onChange) {
  const input = el("input", { type: "checkbox" });
  input.addEventListener("change", () => onChange(input.checked));
  return {
    element: el("label", { class: "check" }, input, t("studio.options.faces")),
    /** @param {boolean} isOn */
    set: (isOn) => void (input.checked = isOn),
    /** @param {boolean} isEnabled */
    enable: (isEnabled) => void (input.disabled = !isEnabled),
  };
}

/** The usual aspects, and a field for any other. @param {(aspect: string) => void} onChange */
function aspectField(onChange) {
  const [id, hint] = [uniqueId("other-aspect"), uniqueId("aspect-hint")];
  const input = el("input", { id, type: "text", inputmode: "text", placeholder: "21:9", autocomplete: "off", "aria-describedby": hint });
  const error = el("p", { id: hint, class: "hint" }, t("studio.options.aspectHint"));
  const other = el("div", { class: "field", hidden: true }, el("label", { for: id }, t("studio.options.aspectOther")), input, error);
  const usual = select("aspect", [...ASPECTS.map((value) => /** @type {[string, string]} */ ([value, value])), [OTHER, t("studio.options.other")]], (value) => {
    other.hidden = value !== OTHER;
    if (value !== OTHER) onChange(value);
    else input.focus();
  });
  input.addEventListener("input", () => {
    const isValid = ratioOf(input.value.trim()) !== null;
    if (isValid || !input.value) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    error.classList.toggle("field-error", !isValid && input.value !== "");
    if (isValid) onChange(input.value.trim());
  });
  return {
    element: el("div", { class: "field" }, usual.element, other),
    /** @param {string} value */
    set(value) {
      const isUsual = ASPECTS.includes(value);
      // Somebody who is typing another aspect is left alone.
      if (document.activeElement === input) return;
      usual.set(isUsual ? value : OTHER);
      other.hidden = isUsual;
      if (!isUsual) input.value = value;
    },
  };
}
