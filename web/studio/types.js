// The shapes of the answers that the Studio reads, and of its own state.

/** @typedef {{ x: number, y: number, width: number, height: number }} Rect in pixels of the upright picture */
/** @typedef {[number, number, number]} Rgb */

/**
 * @typedef {object} Swatch
 * @property {string} hex
 * @property {Rgb} rgb
 * @property {{ l: number, c: number, h: number }} oklch
 * @property {number} share from 0 to 1
 * @property {string} name
 * @property {string} css_name
 * @property {string} text black or white, whichever is read better on the colour
 * @property {boolean} derived whether it is a shade that was added
 */

/** @typedef {Record<string, Swatch | null>} Roles */
/** @typedef {{ background: string, surface: string, primary: string, on_primary: string, accent: string, text: string }} SchemeColors */

/**
 * The answer of `POST /process`.
 * @typedef {object} Result
 * @property {Swatch[]} colors
 * @property {Roles} roles
 * @property {{ light: SchemeColors, dark: SchemeColors }} scheme
 * @property {string} average
 * @property {boolean} is_dark
 * @property {Rect & { score: number }} crop
 * @property {Rect | null} card_crop null without a card
 * @property {Rect} subject
 * @property {Rect[]} faces
 * @property {{ format: string, width: number, height: number, orientation: number }} source
 * @property {string | null} social_image
 */

/** @typedef {{ success: boolean, image: string, content_type: string, size_mb: number }} FetchedPicture the answer of `POST /fetch_url` */

/**
 * A picture that is open.
 * @typedef {object} Picture
 * @property {File} file
 * @property {string | null} address where it was downloaded from
 */

/**
 * A part of the view that shows results.
 * @typedef {object} Panel
 * @property {HTMLElement} element
 * @property {(state: Shown) => void} show
 * @property {(reason?: unknown) => void} [clear] forgets the picture: ends its requests for this reason, revokes its addresses
 */

/** @typedef {{ picture: Picture, options: import("./options.js").Options, result: Result, isNew: boolean }} Shown */

export {};
