// A choice among a few: radio buttons that look like one control.
import { el, uniqueId } from "../lib/dom.js";

/**
 * @template {string} Value
 * @param {{ label: string, values: readonly Value[], text: (value: Value) => string, value: Value, onChange: (value: Value) => void, className?: string }} options
 */
export function createChoice({ label, values, text, value, onChange, className = "" }) {
  const name = uniqueId("choice");
  const inputs = values.map((each) => {
    const input = el("input", { type: "radio", name, value: each, checked: each === value });
    input.addEventListener("change", () => onChange(each));
    return input;
  });
  const element = el(
    "fieldset",
    { class: `choice ${className}` },
    el("legend", {}, label),
    el("div", { class: "choice-row" }, inputs.map((input, index) => el("label", {}, input, el("span", {}, text(/** @type {Value} */ (values[index])))))),
  );
  return {
    element,
    /** @param {Value} next */
    set(next) {
      for (const input of inputs) input.checked = input.value === next;
    },
    focus: () => inputs.find(({ checked }) => checked)?.focus(),
    /** @param {boolean} isEnabled */
    enable(isEnabled) {
      element.disabled = !isEnabled;
    },
  };
}
