// The options of new jobs. What is left at its default is not sent, and neither is what would have no effect.
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";

const CARDS = ["palette", "og", "square", "portrait", "story", "crop", "none"];
const ASPECTS = ["3:2", "4:3", "1:1", "16:9", "1.91:1", "2:3", "3:4", "9:16"];

/**
 * @typedef {object} Options
 * @property {HTMLElement} element
 * @property {() => Record<string, string> | null} read null if one of them is not valid, which is shown
 */

/** @param {Record<string, string>} kept what was entered before, which is kept up to date @returns {Options} */
export function createOptions(kept) {
  const colors = el("input", { type: "number", min: 2, max: 20, step: 1, placeholder: "10", inputmode: "numeric" });
  const card = choice("card", CARDS);
  const theme = choice("theme", ["light", "dark", "auto"]);
  const format = choice("format", ["png", "jpeg", "webp"]);
  const list = el("datalist", { id: uniqueId("aspects") }, ...ASPECTS.map((value) => el("option", { value })));
  const aspect = el("input", { type: "text", list: list.id, placeholder: "3:2", pattern: "\\d+(\\.\\d+)?:\\d+(\\.\\d+)?", autocomplete: "off", spellcheck: "false" });
  const priority = choice("priority", ["normal", "low", "high"]);
  const ttl = el("input", { type: "number", min: 1, max: 168, step: 1, placeholder: "24", inputmode: "numeric" });
  const callback = el("input", { type: "url", placeholder: "https://", autocomplete: "off", spellcheck: "false" });
  const fields = { colors, card, theme, format, aspect, priority, ttl_h: ttl, callback_url: callback };

  const update = () => {
    theme.disabled = card.value === "none" || card.value === "crop";
    format.disabled = card.value === "none";
  };
  card.addEventListener("change", update);
  for (const [name, input] of Object.entries(fields)) input.value = kept[name] ?? input.value;
  update();

  const grid = el("div", { class: "option-grid" }, ...Object.entries(fields).map(([name, input]) => field(name, input)), list);
  grid.addEventListener("input", ({ target }) => {
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) kept[target.name] = target.value;
  });
  const element = el("details", { class: "options" }, el("summary", {}, t("batches.options.title")), grid);
  const read = () => {
    for (const input of Object.values(fields)) {
      if (input.checkValidity()) continue;
      element.open = true;
      input.reportValidity();
      return null;
    }
    return valuesOf(fields);
  };
  return { element, read };
}

/** @param {Record<string, HTMLInputElement | HTMLSelectElement>} fields */
function valuesOf(fields) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const [name, input] of Object.entries(fields)) {
    const isDefault = input instanceof HTMLSelectElement && input.selectedIndex === 0;
    const value = input.value.trim();
    if (value !== "" && !isDefault && !input.disabled) values[name] = value;
  }
  return values;
}

/** The first choice is the default. @param {string} name @param {string[]} values */
const choice = (name, values) =>
  el("select", {}, ...values.map((value) => el("option", { value }, t(`batches.options.${name}.${value}`))));

/** @param {string} name @param {HTMLInputElement | HTMLSelectElement} input */
function field(name, input) {
  const hint = ["colors", "ttl_h", "callback_url", "priority"].includes(name) ? t(`batches.options.${name}.hint`) : null;
  input.id = uniqueId(name);
  input.name = name;
  const description = hint && el("p", { class: "hint", id: `${input.id}-hint` }, hint);
  if (description) input.setAttribute("aria-describedby", description.id);
  return el("div", { class: "field", data: { option: name } }, el("label", { for: input.id }, t(`batches.options.${name}.label`)), input, description);
}
