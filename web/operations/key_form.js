// The form that creates an access key: its name, what it may do, until when, and how much.
import { json } from "../lib/api.js";
import { el, uniqueId } from "../lib/dom.js";
import { formatDuration, t } from "../lib/texts.js";
import { showProblem } from "./pieces.js";
import { serverNow } from "./times.js";

/** @typedef {import("./types.js").NewKey} NewKey */

const SCOPES = /** @type {const} */ (["process", "jobs:read", "jobs:write", "priority", "webhooks", "operator"]);

/** The scopes that most clients want. */
const USUAL = ["process", "jobs:read", "jobs:write"];

/** The limits that a key may have of its own. */
export const LIMITS = /** @type {const} */ ([
  "requests_per_minute", "pictures_per_minute", "uploads", "event_streams", "open_jobs", "open_pictures", "stored_bytes",
]);

/** The days after which a key may expire. */
const DAYS = [1, 7, 30, 90, 365];

/**
 * @param {object} options
 * @param {(key: NewKey) => void} options.onCreated
 * @param {(error: unknown) => boolean} options.absorb
 */
export function createKeyForm({ onCreated, absorb }) {
  const [nameField, expiryField] = [uniqueId("name"), uniqueId("expiry")];
  const name = el("input", { id: nameField, required: true, maxlength: 100, autocomplete: "off" });
  const scopes = SCOPES.map((scope) => scopeField(scope));
  const expiry = el("select", { id: expiryField }, el("option", { value: "" }, t("operations.keys.never")), DAYS.map((days) => el("option", { value: days }, formatDuration(days * 86_400))));
  const limits = LIMITS.map((limit) => limitField(limit));
  const trouble = el("div");
  const submit = el("button", { type: "submit", class: "primary" }, t("operations.keys.create"));
  const details = el(
    "details",
    { class: "panel new-key" },
    el("summary", {}, t("operations.keys.new")),
    el(
      "form",
      { onsubmit: (event) => { event.preventDefault(); void create(); } },
      el("div", { class: "field" }, el("label", { for: nameField }, t("operations.keys.name")), name),
      el("fieldset", {}, el("legend", {}, t("operations.keys.scopes")), ...scopes.map(({ element }) => element)),
      el("div", { class: "field" }, el("label", { for: expiryField }, t("operations.keys.lasts")), expiry),
      el("details", { class: "limits" }, el("summary", {}, t("operations.keys.limits")), el("p", { class: "hint" }, t("operations.keys.limits_hint")), el("div", { class: "limit-fields" }, limits.map(({ element }) => element))),
      trouble,
      el("div", { class: "actions" }, submit),
    ),
  );

  async function create() {
    if (submit.getAttribute("aria-disabled")) return;
    submit.setAttribute("aria-disabled", "true");
    trouble.replaceChildren();
    try {
      onCreated(await json("keys", { method: "POST", json: body(), as: "operator" }));
      reset();
    } catch (error) {
      if (!absorb(error)) showProblem(trouble, error);
    } finally {
      submit.removeAttribute("aria-disabled");
    }
  }
  const body = () => ({
    name: name.value.trim(),
    scopes: SCOPES.filter((_, index) => scopes[index]?.box.checked),
    limits: Object.fromEntries(LIMITS.flatMap((limit, index) => { const text = limits[index]?.input.value ?? ""; return text === "" ? [] : [[limit, Number(text)]]; })),
    ...(expiry.value ? { expires_at: Math.floor(serverNow()) + Number(expiry.value) * 86_400 } : {}),
  });
  const reset = () => {
    details.open = false;
    details.querySelector("form")?.reset();
  };
  return {
    element: details,
    close() {
      reset();
      trouble.replaceChildren();
    },
  };
}

/** @param {(typeof SCOPES)[number]} scope */
function scopeField(scope) {
  const [id, hint] = [uniqueId("scope"), uniqueId("scope-hint")];
  const box = el("input", { id, type: "checkbox", checked: USUAL.includes(scope), value: scope, "aria-describedby": hint });
  const element = el("div", { class: "scope" }, box, el("label", { for: id }, el("code", {}, scope)), el("span", { id: hint, class: "hint" }, t(`operations.scope.${scope.replace(":", "_")}`)));
  return { box, element };
}

/** @param {(typeof LIMITS)[number]} limit */
function limitField(limit) {
  const id = uniqueId("limit");
  const input = el("input", { id, type: "number", min: 0, step: 1, inputmode: "numeric", data: { limit } });
  return { input, element: el("div", { class: "field" }, el("label", { for: id }, t(`operations.limit.${limit}`)), input) };
}
