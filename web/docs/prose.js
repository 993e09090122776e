// The little of Markdown that descriptions use: paragraphs, lists, code.
import { el } from "../lib/dom.js";

/** A text with `code` in it. @param {string} text */
export const inline = (text) => text.split("`").map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));

/** @param {string} text @returns {HTMLElement} */
export function prose(text) {
  const blocks = text.split(/\n{2,}/).filter((block) => block.trim());
  return el("div", { class: "prose" }, ...blocks.map(block));
}

/** @param {string} text */
function block(text) {
  const lines = text.split("\n");
  if (!lines.every((line) => /^([-*] |\s{2})/.test(line))) return el("p", {}, ...inline(lines.join(" ")));
  const items = text.split(/\n(?=[-*] )/).map((item) => item.replace(/^[-*] /, "").replace(/\s*\n\s*/g, " "));
  return el("ul", { class: "bullets" }, ...items.map((item) => el("li", {}, ...inline(item))));
}
