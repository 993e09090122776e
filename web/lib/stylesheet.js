// Loads the stylesheet of a view when the view is first shown.

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/** Resolves when the stylesheet is in force, also where it could not be loaded. @param {string} name of a file in `style/` */
export function stylesheet(name) {
  const known = loaded.get(name);
  if (known) return known;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`../style/${name}.css`, import.meta.url).href;
  /** @type {Promise<void>} */
  const loading = new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
  });
  document.head.append(link);
  loaded.set(name, loading);
  return loading;
}
