// The API reference: reads the service's own OpenAPI document and shows it. Nothing in it is parsed as HTML.
import { json, url } from "../lib/api.js";
import { copy } from "../lib/copy.js";
import { el, fill } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { quote } from "../lib/quote.js";
import { showHeader } from "../lib/shell.js";
import { loadTexts, t } from "../lib/texts.js";
import { applyTheme } from "../lib/theme.js";
import { operationSection } from "./operation.js";
import { inline, prose } from "./prose.js";
import { schemaSection } from "./schema.js";

/** @typedef {import("./types.js").Document} Document */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {{ id: string, label: string, section: HTMLElement, words: string }} Entry one section and its link */
/** @typedef {[string, Entry[]]} Group a heading and what is below it */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));

/** The operations in the order of their paths, which begin with what people come for; webhooks last. @param {Document} document @returns {Group[]} */
function groups(document) {
  /** @type {Map<string, Entry[]>} */
  const found = new Map();
  for (const [path, method, operation] of operations(document.paths)) {
    const group = operation.tags?.[0] ?? t("reference.other");
    found.set(group, [...(found.get(group) ?? []), entry(document, method, path, operation)]);
  }
  const webhooks = operations(document.webhooks ?? {}).map(([name, method, operation]) => entry(document, method, name, operation));
  found.set(t("reference.webhooks"), webhooks);
  return [...found].filter(([, entries]) => entries.length > 0);
}

/** @param {Document} document @param {string} method @param {string} path @param {Operation} operation @returns {Entry} */
function entry(document, method, path, operation) {
  const section = operationSection(document, method, path, operation);
  const words = `${method} ${path} ${operation.operationId} ${operation.summary ?? ""}`.toLowerCase();
  return { id: section.id, label: operation.summary ?? path, section, words };
}

/** @param {Record<string, import("./types.js").PathItem>} paths @returns {[string, string, Operation][]} */
function operations(paths) {
  const methods = /** @type {const} */ (["get", "post", "put", "patch", "delete"]);
  return Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation ? [/** @type {[string, string, Operation]} */ ([path, method.toUpperCase(), operation])] : [];
    }),
  );
}

/** @param {Document} document @returns {Group} */
function schemas(document) {
  const entries = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => {
    const section = schemaSection(document, name, schema);
    return { id: section.id, label: name, section, words: `schema ${name}`.toLowerCase() };
  });
  return [t("reference.schemas"), entries];
}

/** @param {Document} document */
function show(document) {
  const all = [...groups(document), schemas(document)];
  const count = el("p", { class: "hint", role: "status" });
  const links = el("div", { class: "links" });
  const search = el("input", { type: "search", id: "search", oninput: () => filter(all, search.value, links, count) });
  fill(
    main,
    el(
      "div",
      { class: "docs" },
      el(
        "nav",
        { class: "contents", "aria-label": t("reference.contents") },
        el("div", { class: "field" }, el("label", { for: "search" }, t("reference.search")), search, count),
        links,
      ),
      el("div", { class: "reference" }, ...introduction(document), ...all.map(([name, entries]) => groupSection(name, entries))),
    ),
  );
  filter(all, "", links, count);
  goToAddress();
}

/** @param {Document} document */
function introduction(document) {
  const versions = `OpenAPI ${document.openapi}, Huemill ${document.info.version}`;
  const download = el("a", { class: "button", href: url("openapi.json").href, download: "openapi.json" }, t("reference.download"));
  return [
    el("h1", {}, t("reference.title")),
    ...firstCall(),
    el("p", { class: "actions" }, download, el("span", { class: "hint" }, versions)),
    el("div", { lang: "en" }, prose(document.info.description ?? "")),
  ];
}

/** How to send a picture, which is what people come for. */
function firstCall() {
  const line = `curl -F image=@photo.jpg ${quote(url("process").href)}`;
  const button = el("button", { type: "button", class: "copy-call", onclick: () => void copy(line) }, t("copy.copy"));
  return [
    el("p", { class: "first-call" }, ...inline(t("reference.first"))),
    el("pre", { tabindex: 0, role: "group", "aria-label": t("reference.example") }, el("code", { class: "call" }, line)),
    el("p", { class: "actions" }, button),
    el("p", {}, ...inline(t("reference.next"))),
  ];
}

/** What the document says is English. @param {string} name @param {Entry[]} entries */
const groupSection = (name, entries) =>
  el("section", { class: "group", lang: "en" }, el("h2", {}, name), ...entries.map(({ section }) => section));

/**
 * Lists the sections in which all words of the search are.
 * @param {Group[]} all @param {string} text @param {HTMLElement} links @param {HTMLElement} count
 */
function filter(all, text, links, count) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  const lists = all.map(([name, entries]) => {
    const found = entries.filter((entry) => words.every((word) => entry.words.includes(word)));
    number += found.length;
    const items = found.map(({ id, label }) => el("li", {}, el("a", { href: `#${id}` }, label)));
    return found.length > 0 && el("div", { lang: "en" }, el("h2", {}, name), el("ul", {}, ...items));
  });
  fill(links, ...lists);
  count.textContent = words.length > 0 ? t("reference.found", { count: number }) : "";
}

/** Opens the section that the address names: it was not there when the page was loaded. */
function goToAddress() {
  const section = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  if (!(section instanceof HTMLDetailsElement)) return;
  section.open = true;
  section.scrollIntoView();
  section.querySelector("summary")?.focus({ preventScroll: true });
}

async function start() {
  try {
    await loadTexts();
    showHeader({ current: "docs", onLanguage: () => void start() });
    document.title = `${t("reference.title")} · Huemill`;
    show(await json("openapi.json"));
  } catch (error) {
    fill(main, el("h1", {}, t("reference.title")), problem(error, { retry: () => void start() }));
  }
}

applyTheme();
window.addEventListener("hashchange", goToAddress);
await start();
