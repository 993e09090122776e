// Roles and scheme: what each colour is good for, and a small page in the light and the dark colours.
import { badge } from "../lib/badge.js";
import { el, fill, uniqueId } from "../lib/dom.js";
import { formatNumber, t } from "../lib/texts.js";
import { contrast } from "./color.js";
import { createSwatches } from "./swatches.js";

/** @typedef {import("./types.js").SchemeColors} SchemeColors */

const THEMES = /** @type {const} */ (["light", "dark"]);

/** What WCAG 2.2 asks for text of any size, on its two levels. */
const ANY_TEXT_AA = 4.5;
const ANY_TEXT_AAA = 7;

/** What it asks for large text and for graphics, on the first level. */
const LARGE_AA = 3;

/** The pairs that are read, and the least contrast that WCAG 2.2 AA asks of each. @type {[keyof SchemeColors, keyof SchemeColors, number][]} */
const PAIRS = [
  ["text", "background", ANY_TEXT_AA],
  ["text", "surface", ANY_TEXT_AA],
  ["on_primary", "primary", ANY_TEXT_AA],
  ["primary", "background", LARGE_AA],
  ["accent", "background", LARGE_AA],
];

/** @returns {import("./types.js").Panel} */
export function createScheme() {
  const [title, rolesTitle] = [uniqueId("scheme"), uniqueId("roles")];
  const roles = createSwatches({ label: t("studio.roles.title"), className: "roles" });
  const missing = el("p", { class: "hint" });
  const themes = THEMES.map((theme) => ({ theme, ...createTheme(theme) }));
  const element = el(
    "div",
    { class: "colors-in-use" },
    el("section", { class: "panel", "aria-labelledby": rolesTitle }, el("h3", { id: rolesTitle }, t("studio.roles.title")), roles.element, missing),
    el("section", { class: "panel", "aria-labelledby": title }, el("h3", { id: title }, t("studio.scheme.title")), el("div", { class: "themes" }, themes.map((each) => each.element)), el("p", { class: "hint ratios-hint" }, t("studio.scheme.levels"))),
  );
  return {
    element,
    show({ result }) {
      const entries = Object.entries(result.roles);
      roles.show(entries.flatMap(([role, swatch]) => (swatch ? [{ ...swatch, english: /** @type {const} */ ("note"), property: `--role-${role}`, name: t(`studio.roles.names.${role}`), note: swatch.name }] : [])));
      const absent = entries.filter(([, swatch]) => !swatch).map(([role]) => t(`studio.roles.names.${role}`));
      missing.textContent = absent.length > 0 ? t("studio.roles.missing", { names: absent.join(", ") }) : "";
      for (const { theme, show } of themes) show(result.scheme[theme]);
    },
  };
}

/** @param {"light" | "dark"} theme */
function createTheme(theme) {
  const name = t(`studio.scheme.${theme}`);
  const specimen = createSpecimen(name);
  const swatches = createSwatches({ label: t("studio.scheme.colors", { name }), className: "scheme" });
  const ratios = el("ul", { class: "ratios", "aria-label": t("studio.scheme.contrasts", { name }) });
  return {
    element: el("div", { class: "theme", data: { theme } }, el("h4", {}, name), specimen.element, swatches.element, ratios),
    /** @param {SchemeColors} colors */
    show(colors) {
      specimen.show(colors);
      swatches.show(Object.entries(colors).map(([part, hex]) => ({ hex, property: `--scheme-${part.replace("_", "-")}`, name: t(`studio.scheme.parts.${part}`) })));
      fill(ratios, PAIRS.map(([front, back, least]) => ratio(colors, front, back, least)));
    },
  };
}

/** @param {SchemeColors} colors @param {keyof SchemeColors} front @param {keyof SchemeColors} back @param {number} least */
function ratio(colors, front, back, least) {
  const value = contrast(colors[front], colors[back]);
  const number = formatNumber(Math.floor(value * 10) / 10, { minimumFractionDigits: 1 });
  const part = (/** @type {keyof SchemeColors} */ name) => t(`studio.scheme.parts.${name}`);
  return el(
    "li",
    {},
    el("span", { class: "ratio-dot", "aria-hidden": "true", style: { "background-color": colors[back], color: colors[front] } }, "a"),
    el("span", { class: "ratio-names" }, t("studio.scheme.pair", { front: part(front), back: part(back) })),
    el("span", { class: "ratio-value" }, `${number} : 1`),
    badge(levelText(value, least), value < least ? "bad" : "good"),
  );
}

/** What WCAG 2.2 says of a contrast. @param {number} value @param {number} least what the pair needs */
function levelText(value, least) {
  if (value < least) return t("studio.scheme.below");
  if (value >= ANY_TEXT_AAA) return "AAA";
  return value >= ANY_TEXT_AA ? "AA" : t("studio.scheme.large");
}

/** A small page that shows the colours at work. It takes no part in the page around it. @param {string} name */
function createSpecimen(name) {
  const element = el(
    "figure",
    { class: "specimen", "aria-label": t("studio.specimen.label", { name }) },
    el("div", { class: "specimen-bar" }, el("span", { class: "specimen-mark" }), el("span", { class: "specimen-brand" }, t("studio.specimen.brand")), el("span", { class: "specimen-link" }, t("studio.specimen.link"))),
    el(
      "div",
      { class: "specimen-body" },
      el("p", { class: "specimen-title" }, t("studio.specimen.title")),
      el("p", { class: "specimen-text" }, t("studio.specimen.text")),
      el("div", { class: "specimen-row" }, el("span", { class: "specimen-button" }, t("studio.specimen.button")), el("span", { class: "specimen-meter" }, el("span", {}))),
    ),
  );
  return {
    element,
    /** @param {SchemeColors} colors */
    show(colors) {
      for (const [part, hex] of Object.entries(colors)) element.style.setProperty(`--s-${part.replace("_", "-")}`, hex);
    },
  };
}
