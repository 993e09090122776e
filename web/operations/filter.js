// A field that filters a list by one of its words.
import { el, uniqueId } from "../lib/dom.js";
import { t } from "../lib/texts.js";

/** What a filter is called in the address if it lets all through. */
export const ALL = "all";

/**
 * @param {string} label
 * @param {readonly string[]} names
 * @param {(name: string) => string} text
 */
export function createFilter(label, names, text) {
  const id = uniqueId("filter");
  const options = names.map((name) => el("option", { value: name }, text(name)));
  const select = el("select", { id }, el("option", { value: ALL }, t("operations.any")), options);
  return {
    select,
    element: el("div", { class: "field" }, el("label", { for: id }, label), select),
    /** Chooses a word; one that is none lets all through. @param {string} name */
    choose(name) {
      select.value = names.includes(name) ? name : ALL;
    },
  };
}
