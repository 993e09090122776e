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
  const fields = createFields();
  const trouble = el("div");
  const create = async () => {
    trouble.replaceChildren();
    try {
      onCreated(await json("keys", { method: "POST", json: fields.read(), as: "operator" }));
      reset();
    } catch (error) {
      if (!absorb(error)) showProblem(trouble, error);
    }
  };
  let isCreating = false;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    // A key too many is a key that nobody knows of.
    if (isCreating) return;
    isCreating = true;
    await create();
    isCreating = false;
  };
  const form = el("form", { onsubmit: (event) => void submit(event) }, ...fields.elements, trouble, el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, t("operations.keys.create"))));
  const element = el("details", { class: "panel new-key" }, el("summary", {}, t("operations.keys.new")), form);
  const reset = () => {
    element.open = false;
    form.reset();
  };
  return {
    element,
    close() {
      reset();
      trouble.replaceChildren();
    },
  };
}

/** The fields of the form, and what they say as the API wants it. */
function createFields() {
  const [nameField, expiryField] = [uniqueId("name"), uniqueId("expiry")];
  const name = el("input", { id: nameField, required: true, maxlength: 100, autocomplete: "off" });
  const scopes = SCOPES.map((scope) => scopeField(scope));
  const days = DAYS.map((days) => el("option", { value: days }, formatDuration(days * 86_400)));
  const expiry = el("select", { id: expiryField }, el("option", { value: "" }, t("operations.keys.never")), days);
  const limits = LIMITS.map((limit) => limitField(limit));
  return {
    elements: [
      el("div", { class: "field" }, el("label", { for: nameField }, t("operations.keys.name")), name),
      el("fieldset", {}, el("legend", {}, t("operations.keys.scopes")), ...scopes.map(({ element }) => element)),
      el("div", { class: "field" }, el("label", { for: expiryField }, t("operations.keys.lasts")), expiry),
      el(
        "details",
        { class: "limits" },
        el("summary", {}, t("operations.keys.limits")),
        el("p", { class: "hint" }, t("operations.keys.limits_hint")),
        el("div", { class: "limit-fields" }, ...limits.map(({ element }) => element)),
      ),
    ],
    read: () => ({
      name: name.value.trim(),
      scopes: scopes.filter(({ box }) => box.checked).map(({ box }) => box.value),
      limits: Object.fromEntries(limits.filter(({ input }) => input.value !== "").map(({ input }) => [input.dataset.limit, Number(input.value)])),
      ...(expiry.value ? { expires_at: Math.floor(serverNow()) + Number(expiry.value) * 86_400 } : {}),
    }),
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
