// The exports of a palette, by the names of the service.
export const EXPORTS = /** @type {const} */ (["css", "scss", "json", "tokens.json", "tailwind.css", "ase", "gpl", "svg"]);

/** @typedef {(typeof EXPORTS)[number]} ExportName */
