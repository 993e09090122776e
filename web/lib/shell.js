// The header of both pages: links to the views, language, theme, key.
import { announce } from "./announce.js";
import { url } from "./api.js";
import { el, fill, svg } from "./dom.js";
import { icon } from "./icon.js";
import { askForKey } from "./key.js";
import { key } from "./session.js";
import { chooseLanguage, LANGUAGES, language, t } from "./texts.js";
import { setTheme, theme, THEMES } from "./theme.js";

const ALL_VIEWS = /** @type {const} */ (["studio", "batches", "operations"]);

/** @typedef {(typeof ALL_VIEWS)[number]} ViewName */

/** The views that the service has here, in the order of the header: operators may have an address of their own. */
export const VIEWS = ALL_VIEWS.filter((name) => offered().includes(name));

function offered() {
  const script = document.querySelector("script[data-views]");
  return (script instanceof HTMLElement && script.dataset["views"]?.split(" ")) || ALL_VIEWS;
}

const mark = () =>
  svg(
    "svg",
    { viewBox: "0 0 20 20", class: "mark", "aria-hidden": "true" },
    svg("path", { fill: "#e4572e", d: "M0 0h9v9H0z" }),
    svg("path", { fill: "#f3a712", d: "M11 0h9v9h-9z" }),
    svg("path", { fill: "#2e86ab", d: "M0 11h9v9H0z" }),
    svg("path", { fill: "#76b041", d: "M11 11h9v9h-9z" }),
  );

/**
 * Fills the header.
 * @param {{ current: string, onLanguage: () => void }} options `current` is a view or "docs"
 */
export function showHeader({ current, onLanguage }) {
  const header = /** @type {HTMLElement} */ (document.getElementById("header"));
  const page = url(".").href;
  const link = (/** @type {string} */ name, /** @type {string} */ href) =>
    el("a", { href, "aria-current": name === current ? "page" : null, data: { view: name } }, t(`shell.${name}`));
  fill(
    header,
    el("a", { class: "skip", href: "#main", onclick: skip }, t("shell.skip")),
    el("a", { class: "brand", href: `${page}#/studio`, "aria-label": t("shell.home") }, mark(), el("span", {}, "Huemill")),
    el("nav", { "aria-label": t("shell.views") }, ...VIEWS.map((name) => link(name, `${page}#/${name}`)), link("docs", url("docs").href)),
    el("div", { class: "preferences" }, languageField(onLanguage), themeButton(), current === "operations" ? null : keyButton()),
  );
}

/** Moves to the content without changing the address, which is the router's. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {() => void} onLanguage */
function languageField(onLanguage) {
  const select = el("select", {
    "aria-label": t("shell.language"),
    onchange: () => { chooseLanguage(select.value); onLanguage(); },
  });
  for (const [tag, name] of Object.entries(LANGUAGES)) {
    select.append(el("option", { value: tag, lang: tag, selected: tag === language() }, name));
  }
  return select;
}

function themeButton() {
  const button = el("button", { type: "button", class: "quiet", onclick: () => {
    const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "system";
    setTheme(next);
    label();
    announce(t(`shell.theme.${next}`));
  } });
  const label = () => {
    button.textContent = { system: "◐", light: "☀", dark: "☾" }[theme()];
    button.setAttribute("aria-label", t(`shell.theme.${theme()}`));
    button.title = t(`shell.theme.${theme()}`);
  };
  label();
  return button;
}

function keyButton() {
  const button = el("button", { type: "button", class: "quiet key-button", onclick: () => void askForKey("user") });
  const label = () => {
    fill(button, icon("key"), el("span", {}, t(key("user") ? "key.used" : "key.none")));
  };
  const onKey = () => (button.isConnected ? label() : window.removeEventListener("huemill:key", onKey));
  window.addEventListener("huemill:key", onKey);
  label();
  return button;
}
