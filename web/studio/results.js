// Everything that is shown of an open picture: its heading, the picture, the options, and the panels. It asks for the
// palette and the crop; the panels ask for the rest themselves.
import { announce } from "../lib/announce.js";
import { el, fill } from "../lib/dom.js";
import { problem } from "../lib/problem.js";
import { formatBytes, formatNumber, t } from "../lib/texts.js";
import { createCards } from "./cards.js";
import { createCommands } from "./commands.js";
import { createExports } from "./exports.js";
import { analysisFields, DEFAULTS } from "./options.js";
import { createPalette } from "./palette.js";
import { analyze } from "./requests.js";
import { createScheme } from "./scheme.js";
import { createSettings } from "./settings.js";
import { createStage } from "./stage.js";

/** @typedef {import("./options.js").Options} Options */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Rect} Rect */

const DEBOUNCE_MS = 250;

/** The options that were chosen last; they stay for the next picture, except the focus. @type {Options} */
let options = { ...DEFAULTS };

/** @param {{ onResult: (picture: Picture, result: Result, image: HTMLImageElement) => void }} handlers */
export function createResults({ onResult }) {
  const stage = createStage({ onFocus: (focus) => change({ focus }) });
  const settings = createSettings({ onChange: change });
  const cards = createCards({ onChoose: (card) => change({ card }), onPart: (part) => { cardPart = part; showStage(false); } });
  const panels = [createPalette(), createScheme(), cards, createExports(), createCommands()];
  const [palette, scheme, , exports, commands] = /** @type {import("./types.js").Panel[]} */ (panels);
  const heading = el("h2", { class: "result-title", tabindex: "-1" });
  const facts = el("p", { class: "hint facts" });
  const working = el("progress", { class: "working", "aria-label": t("studio.working"), hidden: true });
  const trouble = el("div", { class: "trouble", tabindex: "-1" });
  const skeleton = el("div", { class: "panel skeleton", "aria-hidden": "true" }, Array.from({ length: 10 }, () => el("span", {})));
  const body = el("div", { class: "panels", hidden: true }, scheme?.element, cards.element, el("div", { class: "pair" }, exports?.element, commands?.element));
  const element = el("div", { class: "results", hidden: true }, el("div", { class: "result-head" }, heading, facts, working), trouble, el("div", { class: "bench" }, el("div", { class: "bench-main" }, stage.element, skeleton, palette?.element), settings.element), body);
  /** Whether there is something to show. @param {boolean} isResult */
  const reveal = (isResult) => {
    skeleton.hidden = true;
    for (const each of [body, stage.element, settings.element, palette?.element]) if (each) each.hidden = !isResult;
  };

  /** @type {Picture | null} */
  let picture = null;
  /** @type {Result | null} */
  let result = null;
  /** @type {Rect | null} */
  let cardPart = null;
  let request = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asked = "";

  /** @param {boolean} isNew */
  function showStage(isNew) {
    if (picture && result) void stage.show({ picture, options, result, isNew }, cardPart);
  }

  /** @param {Partial<Options>} next */
  function change(next) {
    options = { ...options, ...next };
    settings.show(options);
    showStage(false);
    clearTimeout(timer);
    // Before there is a first result, its request takes the options with it.
    timer = setTimeout(() => void (asked === fields() && result ? showPanels(false) : run({ isNew: !result })), DEBOUNCE_MS);
  }

  const fields = () => JSON.stringify(analysisFields(options));

  /** @param {{ isNew: boolean, focus?: boolean }} how */
  async function run({ isNew, focus = false }) {
    if (!picture) return;
    request.abort();
    request = new AbortController();
    const { signal } = request;
    const { file } = picture;
    asked = fields();
    fill(trouble);
    setWorking(true);
    try {
      const answer = await analyze(file, options, signal);
      if (signal.aborted) return;
      result = answer;
      reveal(true);
      showStage(isNew);
      showPanels(isNew);
      describe(file, answer);
      announce(t("studio.done", { count: answer.colors.length }));
      if (focus) heading.focus();
      if (isNew) onResult(picture, answer, stage.image);
    } catch (error) {
      if (!signal.aborted) fail(error, isNew);
    } finally {
      if (!signal.aborted) setWorking(false);
    }
  }

  /** @param {unknown} error @param {boolean} isNew */
  function fail(error, isNew) {
    asked = "";
    // Without a result there is nothing to set.
    if (isNew) reveal(false);
    fill(trouble, problem(error, { retry: () => void open(isNew) }));
    if (isNew) trouble.focus();
  }

  /** @param {boolean} isNew */
  const open = (isNew) => run({ isNew, focus: isNew });

  /** @param {boolean} isNew */
  function showPanels(isNew) {
    if (!picture || !result) return;
    for (const panel of panels) panel.show({ picture, options, result, isNew });
  }

  /** @param {boolean} isWorking */
  function setWorking(isWorking) {
    working.hidden = !isWorking;
    element.setAttribute("aria-busy", String(isWorking));
  }

  /** @param {File} file @param {Result} found */
  function describe(file, { source }) {
    const pixels = source.width * source.height;
    facts.textContent = [
      source.format.toUpperCase(),
      `${source.width} × ${source.height}`,
      formatBytes(file.size),
      ...(pixels >= 1e6 ? [t("studio.megapixels", { count: formatNumber(pixels / 1e6, { maximumFractionDigits: 1 }) })] : []),
    ].join(" · ");
  }

  return {
    element,
    /** @param {Picture} next @param {{ focus: boolean }} how */
    open(next, { focus }) {
      this.clear();
      picture = next;
      options = { ...options, focus: null };
      heading.textContent = next.file.name;
      facts.textContent = t("studio.working");
      reveal(false);
      element.hidden = skeleton.hidden = stage.element.hidden = settings.element.hidden = false;
      settings.show(options);
      stage.open(next.file);
      announce(t("studio.workingOn", { name: next.file.name }));
      void run({ isNew: true, focus });
    },
    /** Forgets the picture. */
    clear() {
      clearTimeout(timer);
      request.abort();
      [picture, result, cardPart, asked] = [null, null, null, ""];
      element.hidden = body.hidden = true;
      setWorking(false);
      fill(trouble);
      stage.clear();
      for (const panel of panels) panel.clear?.();
    },
  };
}
