// Makes elements. The page has no templates and no markup in strings, so nothing that came from outside is ever parsed
// as HTML.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | EventListener | Record<string, string>>} Attributes
 */

/**
 * An element with attributes and children. `on…` attributes are listeners, `style` is an object of CSS properties (the
 * policy forbids style attributes), `data` an object of data attributes; `true` is an attribute without a value, and
 * `false`, `null` and `undefined` are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children.flat());
  return element;
}

/**
 * The same for SVG.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  append(element, children.flat());
  return element;
}

/**
 * Replaces all children.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children.flat());
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** @param {HTMLElement | SVGElement} element @param {Attributes} attributes */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (typeof value === "object") {
      for (const [key, text] of Object.entries(value)) {
        if (name === "style") element.style.setProperty(key, text);
        else element.dataset[key] = text;
      }
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

let ids = 0;

/** An id that no other element has. @param {string} prefix */
export function uniqueId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}
