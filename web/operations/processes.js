// The processes that share the store: who does what, and who has not been heard of.
import { badge } from "../lib/badge.js";
import { el, fill } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { List } from "./list.js";
import { copyable, facts, refill } from "./pieces.js";
import { ago } from "./times.js";

/** @typedef {import("./types.js").Process} Process */

/** @param {import("./types.js").Context} context @returns {import("./types.js").Section} */
export function createProcesses(context) {
  /** @type {Map<string, Process>} */
  const known = new Map();
  const summary = el("p", { class: "fleet" });
  const list = new List({
    path: "processes",
    member: "processes",
    isPaged: false,
    id: (/** @type {Process} */ process) => process.id,
    view: () => createRow(known, () => summarize(summary, [...known.values()])),
    label: t("operations.section.processes"),
    empty: () => t("operations.processes.empty"),
    absorb: context.absorb,
  });
  return {
    element: el("section", { class: "processes" }, el("h2", {}, t("operations.section.processes")), summary, list.element),
    show: () => void list.load(),
    refresh: (signal) => list.refresh(signal),
    hide: () => list.close(),
  };
}

/** Says what the fleet is in one line. @param {HTMLElement} element @param {Process[]} processes */
function summarize(element, processes) {
  const alive = processes.filter((process) => process.alive);
  const versions = new Set(alive.map(({ version }) => version));
  const left = processes.filter(({ alive, pictures }) => !alive && pictures > 0);
  const slots = alive.reduce((sum, process) => sum + process.slots, 0);
  fill(
    element,
    t("operations.processes.alive", { count: alive.length }),
    " · ",
    t("operations.processes.slots_in_all", { count: slots }),
    versions.size > 1 ? ` · ${t("operations.processes.versions", { count: versions.size })}` : null,
    left.length > 0 ? el("span", { class: "bad-text" }, ` · ${t("operations.processes.left", { count: left.length })}`) : null,
  );
}

/**
 * @param {Map<string, Process>} known all processes, which this row keeps up to date
 * @param {() => void} onChange
 * @returns {import("./list.js").RowView<Process>}
 */
function createRow(known, onChange) {
  const body = el("div");
  let id = "";
  return {
    element: el("li", { class: "row panel" }, body),
    update(process) {
      id = process.id;
      known.set(id, process);
      refill(
        body,
        el(
          "div",
          { class: "row-head" },
          badge(t(process.alive ? "operations.processes.is_alive" : "operations.processes.is_gone"), process.alive ? "good" : "bad"),
          el("span", { class: "row-kind" }, process.host),
          copyable(process.id),
        ),
        facts([
          [t("operations.processes.role"), t(`operations.processes.roles.${process.role}`)],
          [t("operations.processes.version"), process.version],
          [t("operations.started"), ago(process.started_at)],
          [t("operations.processes.beat"), ago(process.beat_at)],
          [t("operations.processes.slots"), process.slots],
          [t("operations.processes.pictures"), el("span", { class: !process.alive && process.pictures > 0 ? "bad-text" : "" }, process.pictures)],
          [t("operations.processes.duties"), process.duties.length > 0 ? process.duties.join(", ") : null],
        ]),
      );
      onChange();
    },
    close() {
      known.delete(id);
      onChange();
    },
  };
}
