// Shows one operation: what it does, what it takes, and each of its answers.
import { el } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { inline, prose } from "./prose.js";
import { resolve } from "./resolve.js";
import { members, typeOf } from "./schema.js";

/** @typedef {import("./types.js").Document} Document */
/** @typedef {import("./types.js").Operation} Operation */
/** @typedef {import("./types.js").MediaType} MediaType */

/** @param {Document} document @param {string} method @param {string} path @param {Operation} operation */
export function operationSection(document, method, path, operation) {
  return el(
    "details",
    { id: operation.operationId, class: "operation" },
    el(
      "summary",
      {},
      el("h3", {}, el("span", { class: "method", data: { method } }, method), " ", el("code", { class: "path" }, path)),
      el("span", { class: "what" }, operation.summary ?? ""),
    ),
    el(
      "div",
      { class: "body" },
      operation.description ? prose(operation.description) : null,
      security(operation),
      parameters(document, operation),
      body(document, operation),
      answers(document, operation),
    ),
  );
}

/** @param {Operation} operation */
function security(operation) {
  const names = (operation.security ?? []).flatMap((choice) => Object.keys(choice));
  if (names.length === 0) return null;
  const isOptional = operation.security?.some((choice) => Object.keys(choice).length === 0);
  const text = isOptional ? "reference.security_keys" : "reference.security";
  return el("p", { class: "hint" }, t(text, { names: [...new Set(names)].join(", ") }));
}

/** @param {Document} document @param {Operation} operation */
function parameters(document, operation) {
  const all = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  if (all.length === 0) return null;
  const rows = all.flatMap((parameter) => [
    el(
      "dt",
      {},
      el("code", {}, parameter.name),
      " ",
      el("span", { class: "type" }, ...typeOf(parameter.schema ?? {}), `, ${t(`reference.in.${parameter.in}`)}`),
      parameter.required ? el("span", { class: "required" }, t("reference.required")) : null,
    ),
    el("dd", {}, el("p", {}, ...inline(parameter.description ?? ""))),
  ]);
  return el("div", {}, el("h4", {}, t("reference.parameters")), el("dl", { class: "members" }, ...rows));
}

/** @param {Document} document @param {Operation} operation */
function body(document, operation) {
  const request = operation.requestBody && resolve(document, operation.requestBody);
  if (!request) return null;
  return el(
    "div",
    {},
    el("h4", {}, t("reference.body")),
    request.description ? prose(request.description) : null,
    ...contents(document, request.content ?? {}),
  );
}

/** @param {Document} document @param {Record<string, MediaType>} content */
function contents(document, content) {
  return Object.entries(content).map(([type, media]) =>
    el(
      "details",
      { class: "media" },
      el("summary", {}, el("code", {}, type)),
      media.schema ? el("p", { class: "type" }, ...typeOf(media.schema)) : null,
      media.schema && !media.schema.$ref ? members(document, media.schema) : null,
      ...examples(document, media),
    ),
  );
}

/** @param {Document} document @param {MediaType} media */
function examples(document, media) {
  const named = Object.entries(media.examples ?? {}).map(([name, example]) => {
    const found = resolve(document, example);
    return { title: found.summary ?? name, value: found.value };
  });
  const all = media.example === undefined ? named : [{ title: t("reference.example"), value: media.example }, ...named];
  return all.map(({ title, value }) => {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    // What scrolls can be reached by keyboard.
    const code = el("pre", { tabindex: 0, role: "group", "aria-label": title }, el("code", {}, text));
    return el("figure", {}, el("figcaption", {}, title), code);
  });
}

/** @param {Document} document @param {Operation} operation */
function answers(document, operation) {
  const all = Object.entries(operation.responses).map(([status, found]) => {
    const response = resolve(document, found);
    return el(
      "details",
      { class: "answer" },
      el(
        "summary",
        {},
        el("span", { class: "status", data: { kind: status.slice(0, 1) } }, status),
        " ",
        el("span", {}, ...inline(response.description ?? "")),
      ),
      ...contents(document, response.content ?? {}),
      headers(document, response),
    );
  });
  return el("div", {}, el("h4", {}, t("reference.answers")), ...all);
}

/** @param {Document} document @param {import("./types.js").Response} response */
function headers(document, response) {
  const rows = Object.entries(response.headers ?? {}).flatMap(([name, header]) => [
    el("dt", {}, el("code", {}, name)),
    el("dd", {}, el("p", {}, ...inline(resolve(document, header).description ?? ""))),
  ]);
  if (rows.length === 0) return null;
  return el("div", {}, el("h5", {}, t("reference.headers")), el("dl", { class: "members" }, ...rows));
}
