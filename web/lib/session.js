// What the page remembers. Keys are kept for the session of this tab alone; settings and the list of one's own jobs stay
// in the browser. Where storage is forbidden, everything is kept until the page is left.

/** @typedef {"user" | "operator"} KeyName */

/** @param {() => Storage} open @returns {Pick<Storage, "getItem" | "setItem" | "removeItem">} */
function storage(open) {
  try {
    const found = open();
    found.getItem("huemill");
    return found;
  } catch {
    /** @type {Map<string, string>} */
    const values = new Map();
    return {
      getItem: (name) => values.get(name) ?? null,
      setItem: (name, value) => void values.set(name, value),
      removeItem: (name) => void values.delete(name),
    };
  }
}

const session = storage(() => window.sessionStorage);
const browser = storage(() => window.localStorage);

/** @param {KeyName} name @returns {string | null} */
export const key = (name) => session.getItem(`huemill.key.${name}`);

/** Keeps a key for this session, or forgets it. @param {KeyName} name @param {string | null} value */
export function setKey(name, value) {
  if (value) session.setItem(`huemill.key.${name}`, value);
  else session.removeItem(`huemill.key.${name}`);
  window.dispatchEvent(new CustomEvent("huemill:key", { detail: name }));
}

/** A value that was stored in this browser, or the fallback. @template T @param {string} name @param {T} fallback @returns {T} */
export function stored(name, fallback) {
  try {
    const text = browser.getItem(`huemill.${name}`);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** Stores a value in this browser; one that finds no room is lost with the page. @param {string} name @param {unknown} value */
export function store(name, value) {
  try {
    browser.setItem(`huemill.${name}`, JSON.stringify(value));
  } catch {
    // The browser's quota is used up.
  }
}
