// References inside the document.

/** @typedef {import("./types.js").Document} Document */

/**
 * What a reference leads to, or the thing itself.
 * @template {{ $ref?: string }} T
 * @param {Document} document @param {T} thing @returns {T}
 */
export function resolve(document, thing) {
  let found = thing;
  for (let step = 0; found.$ref?.startsWith("#/") && step < 10; step++) {
    /** @type {any} */
    let target = document;
    for (const part of found.$ref.slice(2).split("/")) target = target?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
    if (!target) return found;
    found = target;
  }
  return found;
}

/** The name that a reference to a schema bears. @param {{ $ref?: string }} thing */
export const nameOf = (thing) => thing.$ref?.split("/").at(-1) ?? null;
