// The verdict: whether the service is well, since when, and what to look at, each with the runbook's advice.
import { announce } from "../lib/announce.js";
import { el, fill, svg } from "../lib/dom.js";
import { formatDuration, formatPercent, t } from "../lib/texts.js";
import { findings } from "./findings.js";
import { refill } from "./pieces.js";
import { ago, clockTime } from "./times.js";

/** @typedef {import("./monitor.js").MonitorState} MonitorState */
/** @typedef {import("./findings.js").Finding} Finding */
/** @typedef {"good" | "warning" | "bad" | "unknown"} Level */

/** What the service says in its own language, and the names of the texts that say the same. @type {Record<string, string>} */
const REASONS = {
  "too little is free": "little_free",
  "too much is used": "much_used",
  "not checked yet": "unchecked",
};

/** The dependencies of /ready. */
const CHECKS = ["actors", "colorthief", "disk", "mem", "smartcrop", "store", "workers"];

/** The name of a dependency for people. @param {string} check */
export const checkName = (check) => (CHECKS.includes(check) ? t(`operations.check.${check}`) : check);

/** A reason of the service, translated if it is a known one. @param {string} reason @returns {Node} */
export function reasonText(reason) {
  const known = REASONS[reason];
  if (known) return document.createTextNode(t(`operations.reason.${known}`));
  const actors = /^not answering: (.*)$/.exec(reason)?.[1];
  if (actors) return document.createTextNode(t("operations.reason.silent", { actors }));
  return el("span", { lang: "en" }, reason);
}

/** How it stands in one word. @param {MonitorState} state @returns {{ level: Level, word: string, found: Finding[] }} */
export function verdictOf(state) {
  if (state.lost) return { level: "bad", word: t("operations.verdict.unreachable"), found: [] };
  if (!state.ready) return { level: "unknown", word: t("operations.verdict.unknown"), found: [] };
  const found = findings(state.ready, state.history);
  if (!state.ready.ready) return { level: "bad", word: t("operations.verdict.not_ready"), found };
  const worst = found[0]?.level;
  const level = worst === "bad" || worst === "warning" ? worst : "good";
  return { level, word: t(level === "good" ? "operations.verdict.ready" : "operations.verdict.ready_but"), found };
}

/** A picture of a level that does not depend on its colour. @param {Level | "note"} level */
export function mark(level) {
  /** @type {Record<Level | "note", string>} */
  const paths = {
    good: "M4.5 10.5l3.6 3.7 7.4-8",
    warning: "M10 4.5v7.2M10 15.2v.1",
    bad: "M5.5 5.5l9 9M14.5 5.5l-9 9",
    unknown: "M5 10h10",
    note: "M10 8.6v6.6M10 4.9v.1",
  };
  return svg("svg", { viewBox: "0 0 20 20", class: `mark ${level}`, "aria-hidden": "true" }, svg("path", { d: paths[level] }));
}

/** Shows the verdict, which `render` brings up to date. */
export function createVerdict() {
  const heading = el("h2", { id: "verdict-word" });
  const head = el("div", { class: "verdict-mark" });
  const time = el("p", { class: "since" });
  const list = el("ul", { class: "findings" });
  const element = el("section", { class: "verdict panel", "aria-labelledby": "verdict-word" }, el("div", { class: "verdict-head" }, head, el("div", {}, heading, time)), list);
  let [shown, said] = ["", ""];
  return {
    element,
    /** @param {MonitorState} state */
    render(state) {
      const { level, word, found } = verdictOf(state);
      fill(time, ...since(state));
      const content = JSON.stringify([level, word, found]);
      if (content === shown) return;
      shown = content;
      element.dataset.level = level;
      heading.textContent = word;
      fill(head, mark(level));
      // What was opened stays open.
      const open = new Set([...list.querySelectorAll("details[open]")].map((one) => /** @type {HTMLElement} */ (one).dataset.finding));
      refill(list, ...found.map((one) => item(one, open)));
      list.hidden = found.length === 0;
      const says = [word, ...found.map(headline)].join(". ");
      if (said && says !== said) announce(says);
      said = says;
    },
  };
}

/** Since when it stands as it does. @param {MonitorState} state @returns {import("../lib/dom.js").Child[]} */
function since(state) {
  if (state.lost) {
    if (!state.contact) return [t("operations.verdict.no_contact")];
    return [t("operations.verdict.contact", { time: clockTime(state.contact) }), " ", ago(state.contact / 1000, true)];
  }
  if (!state.ready || !state.since) return [];
  const { at, isKnown } = state.since;
  const uptime = state.ready.uptime_seconds;
  const started = uptime === undefined ? "" : t("operations.verdict.started", { time: formatDuration(uptime) });
  // A page that has seen no change knows no more than how long the process has been running.
  if (!isKnown && state.ready.ready && started) return [started];
  return [t(isKnown ? "operations.verdict.since" : "operations.verdict.at_least", { time: clockTime(at) }), " ", started];
}

/** @param {Finding} finding */
function headline(finding) {
  if (finding.name === "check") return checkName(finding.check ?? "");
  return t(`operations.finding.${finding.name}.title`, texts(finding));
}

/** The values of a finding as its texts want them. @param {Finding} finding @returns {Record<string, string | number>} */
function texts({ values = {} }) {
  const { share, seconds, ...rest } = values;
  return {
    ...rest,
    ...(typeof share === "number" ? { share: formatPercent(share, 1) } : {}),
    ...(typeof seconds === "number" ? { time: formatDuration(seconds) } : {}),
  };
}

/** @param {Finding} finding @param {Set<string | undefined>} open */
function item(finding, open) {
  const id = `${finding.name}-${finding.check ?? ""}`;
  const known = finding.name !== "check" || CHECKS.includes(finding.check ?? "");
  const advice = finding.name === "check" ? `operations.advice.${finding.check}` : `operations.finding.${finding.name}.advice`;
  return el(
    "li",
    { data: { level: finding.level, finding: id } },
    mark(finding.level),
    el(
      "div",
      {},
      el(
        "p",
        { class: "finding-title" },
        el("strong", {}, headline(finding)),
        ...(finding.reason ? [": ", reasonText(finding.reason)] : []),
        ...(finding.link ? [" ", el("a", { href: `#/operations/${finding.link}`, "aria-label": `${t("operations.look")}: ${headline(finding)}` }, t("operations.look"))] : []),
      ),
      el(
        "details",
        { open: open.has(id), data: { finding: id } },
        el("summary", { data: { action: `advice-${id}` } }, t("operations.what_to_do")),
        known ? el("p", {}, t(advice)) : null,
        el("p", { class: "hint" }, t("operations.runbook", { section: finding.runbook })),
      ),
    ),
  );
}
