// The page: loads the texts, shows the header, and shows the view that the address names (`#/studio`, `#/batches/…`,
// `#/operations/…`). A view is loaded when it is first asked for and kept while the page lives.
import { problem } from "./lib/problem.js";
import { fill } from "./lib/dom.js";
import { showHeader, VIEWS } from "./lib/shell.js";
import { stylesheet } from "./lib/stylesheet.js";
import { loadTexts, t } from "./lib/texts.js";
import { applyTheme } from "./lib/theme.js";

/**
 * @typedef {object} View
 * @property {HTMLElement} element with one `h1`
 * @property {(parts: string[]) => void} [show] called whenever the view comes into sight, with the rest of the address
 * @property {() => void} [hide] called when another view takes its place
 * @property {() => void} [close] called when another one takes its place, in another language: ends streams; what the
 *   person waits for goes on, and the next one shows it
 */

/** @typedef {import("./lib/shell.js").ViewName} ViewName */

/** @type {Record<ViewName, () => Promise<{ createView: () => View }>>} */
const MODULES = {
  studio: () => import("./studio/studio.js"),
  batches: () => import("./batches/batches.js"),
  operations: () => import("./operations/operations.js"),
};

/** @type {Map<ViewName, View>} */
const views = new Map();
/** @type {ViewName | null} */
let current = null;
let isFirst = true;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));

/** A part of the address, as it is where it is not encoded well. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The view and the rest of the address. @returns {{ name: ViewName, parts: string[] }} */
function address() {
  const [first = "", ...parts] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  const name = VIEWS.find((view) => view === first) ?? VIEWS[0] ?? "studio";
  return { name, parts };
}

/** Has the browser load all modules of the first view at once, behind the texts, without which nothing is seen. */
function preloadView() {
  const preloads = document.getElementById("preloads");
  if (preloads instanceof HTMLTemplateElement && address().name === VIEWS[0]) document.head.append(preloads.content);
}

/** Loads a view with its stylesheet, before which it is not seen. @param {ViewName} name */
async function load(name) {
  const [module] = await Promise.all([MODULES[name](), stylesheet(name)]);
  return module;
}

async function showCurrent() {
  const { name, parts } = address();
  if (name !== current) {
    if (current) views.get(current)?.hide?.();
    current = name;
    showHeader({ current: name, onLanguage: reload });
    document.title = `${t(`shell.${name}`)} · Huemill`;
  }
  let view = views.get(name);
  if (!view) {
    const { createView } = await load(name);
    // Another view may have been asked for in the meantime.
    if (current !== name) return;
    view = views.get(name) ?? createView();
    views.set(name, view);
  }
  if (view.element.parentElement !== main) {
    fill(main, view.element);
    if (!isFirst) focusHeading(view.element);
  }
  isFirst = false;
  view.show?.(parts);
}

/** @param {HTMLElement} element */
function focusHeading(element) {
  const heading = element.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** Shows everything again, in the language that was chosen. */
async function reload() {
  for (const view of views.values()) view.close?.();
  views.clear();
  current = null;
  await start();
}

async function start() {
  try {
    const texts = loadTexts();
    preloadView();
    await texts;
    await showCurrent();
  } catch (error) {
    fill(main, problem(error, { retry: () => void start() }));
  }
}

applyTheme();
window.addEventListener("hashchange", () => void showCurrent().catch((error) => fill(main, problem(error))));
await start();
