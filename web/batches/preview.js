// Shows pictures that are done while their job goes on. The job's body lists no results before its end, but each picture
// that is done has its palette and its card at an address of its own. Pictures are done about in the order in which they
// were sent, so they are asked for in that order, one at a time, and never beyond what the progress says.
import { ApiError, send, url } from "../lib/api.js";
import { key } from "../lib/session.js";

/** @typedef {import("./types.js").Swatch} Swatch */

/**
 * @typedef {object} Done a picture that is done while its job goes on
 * @property {number} index
 * @property {string} name without its extension
 * @property {Swatch[]} colors
 * @property {string | null} card where its card is
 */

/**
 * Pictures that may be done after later ones: those in work at the time. One that is asked for too early is a 404, which
 * browsers log.
 */
const IN_WORK = 4;

export class Preview {
  #id;
  #total;
  #withCards;
  #onPicture;
  #asking = new AbortController();
  #next = 0;
  #settled = 0;
  #isAsking = false;
  #hasFailed = false;

  /**
   * @param {string} id of the job
   * @param {{ total: number, withCards: boolean }} job the number of its pictures, and whether it makes cards
   * @param {(picture: Done) => void} onPicture
   */
  constructor(id, { total, withCards }, onPicture) {
    this.#id = id;
    this.#total = total;
    this.#withCards = withCards;
    this.#onPicture = onPicture;
  }

  /** @param {number} progress in percent */
  update(progress) {
    this.#settled = Math.floor((progress * this.#total) / 100) - IN_WORK;
    if (this.#asking.signal.aborted && !this.#hasFailed) this.#asking = new AbortController();
    if (!this.#isAsking) void this.#ask();
  }

  /** Stops asking until the next update. */
  pause() {
    this.#asking.abort();
  }

  async #ask() {
    this.#isAsking = true;
    const { signal } = this.#asking;
    try {
      while (this.#next < this.#settled && !signal.aborted) {
        const path = `jobs/${this.#id}/results/${this.#next}`;
        const palette = await this.#palette(`${path}/palette.json`, signal);
        if (signal.aborted) break;
        // An image sends no key.
        const card = key("user") || !this.#withCards ? null : url(`${path}/card?disposition=inline`).href;
        if (palette) this.#onPicture({ index: this.#next, ...palette, card });
        this.#next += 1;
      }
    } catch {
      // Previews are a courtesy: the results come with the job's end.
      this.#hasFailed = !signal.aborted;
      this.pause();
    }
    this.#isAsking = false;
  }

  /** The palette of a picture; null if it failed or is not done yet. @param {string} path @param {AbortSignal} signal @returns {Promise<Pick<Done, "name" | "colors"> | null>} */
  async #palette(path, signal) {
    try {
      const response = await send(path, { signal });
      const { colors } = await response.json();
      return { name: nameOf(response), colors };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }
}

/** The picture's name, as far as the name of its palette's file tells it (RFC 6266). @param {Response} response */
function nameOf(response) {
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const [, encoded = ""] = /filename\*=UTF-8''([^;]+)/.exec(disposition) ?? [];
  try {
    return decodeURIComponent(encoded).replace(/\.palette\.json$/, "");
  } catch {
    return "";
  }
}
