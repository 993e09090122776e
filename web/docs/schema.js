// Shows a schema as a list of its members, each with its type, limits and description.
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { inline, prose } from "./prose.js";
import { nameOf, resolve } from "./resolve.js";

/** @typedef {import("./types.js").Document} Document */
/** @typedef {import("./types.js").Schema} Schema */

/** The id of a schema's section. @param {string} name */
const schemaId = (name) => `schema-${name}`;

/** @param {Document} document @param {string} name @param {Schema} schema */
export function schemaSection(document, name, schema) {
  return el(
    "details",
    { id: schemaId(name), class: "operation schema" },
    el("summary", {}, el("h3", {}, el("code", {}, name))),
    el("div", { class: "body" }, members(document, schema)),
  );
}

/** A schema's description and members. @param {Document} document @param {Schema} schema @returns {HTMLElement} */
export function members(document, schema) {
  const own = resolve(document, schema);
  const parts = [...(own.allOf ?? []), ...(own.oneOf ?? []), ...(own.anyOf ?? [])];
  const rows = Object.entries(own.properties ?? {}).map(([name, member]) =>
    row(document, name, member, own.required?.includes(name) ?? false),
  );
  return el(
    "div",
    {},
    own.description ? prose(own.description) : null,
    rows.length > 0 ? el("dl", { class: "members" }, ...rows.flat()) : null,
    rows.length === 0 && parts.length === 0 ? el("p", {}, ...typeOf(own)) : null,
    ...parts.filter((part) => part.$ref || part.properties || part.allOf).map((part) =>
      el("div", { class: "part" }, nameOf(part) ? el("p", {}, ...typeOf(part)) : members(document, part)),
    ),
  );
}

/** @param {Document} document @param {string} name @param {Schema} member @param {boolean} isRequired */
function row(document, name, member, isRequired) {
  const own = resolve(document, member);
  const described = member.description ?? own.description;
  const limits = limitsOf(own);
  return [
    el(
      "dt",
      {},
      el("code", {}, name),
      " ",
      el("span", { class: "type" }, ...typeOf(member)),
      isRequired ? el("span", { class: "required" }, t("reference.required")) : null,
    ),
    el(
      "dd",
      {},
      described ? el("p", {}, ...inline(described.replaceAll("\n", " "))) : null,
      limits ? el("p", { class: "hint" }, limits) : null,
    ),
  ];
}

/** The type in words, with links to named schemas. @param {Schema} schema @returns {(Node | string)[]} */
export function typeOf(schema) {
  const name = nameOf(schema);
  if (name) return [el("a", { href: `#${schemaId(name)}` }, name)];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.flatMap((choice, at) => [at > 0 ? " | " : "", ...typeOf(choice)]);
  if (schema.allOf?.length === 1 && schema.allOf[0]) return typeOf(schema.allOf[0]);
  const types = [schema.type ?? []].flat();
  if (types.includes("array") && schema.items) {
    return [...typeOf(schema.items), "[]", types.includes("null") ? " | null" : ""];
  }
  const format = schema.format ? ` (${schema.format})` : "";
  return [`${types.join(" | ") || (schema.properties ? "object" : "any")}${format}`];
}

/** @param {Schema} schema */
function limitsOf(schema) {
  const parts = [
    schema.enum ? t("reference.one_of", { values: schema.enum.map((value) => JSON.stringify(value)).join(", ") }) : null,
    range(schema.minimum, schema.maximum, ""),
    range(schema.minLength, schema.maxLength, t("reference.characters")),
    range(schema.minItems, schema.maxItems, t("reference.items")),
    schema.pattern ? t("reference.pattern", { pattern: schema.pattern }) : null,
    schema.default !== undefined ? t("reference.default", { value: JSON.stringify(schema.default) }) : null,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {number | undefined} low @param {number | undefined} high @param {string} unit */
function range(low, high, unit) {
  if (low === undefined && high === undefined) return null;
  if (low === high) return t("reference.exactly", { low: String(low), unit });
  return t("reference.range", { low: String(low ?? ""), high: String(high ?? "∞"), unit });
}
