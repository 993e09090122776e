// Shows pictures that are done while their job goes on. The job's body lists no results before its end, but each picture
// that is done has its palette and its card at an address of its own. Pictures are done about in the order in which they
// were sent, so they are asked for in that order, one at a time, and never beyond what the progress says.
import { ApiError, json, url } from "../lib/api.js";
import { key } from "../lib/session.js";

/** @typedef {import("./types.js").Swatch} Swatch */

/** Pictures that may be done after later ones: those in work at the time. */
const IN_WORK = 2;

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
   * @param {(picture: { index: number, colors: Swatch[], card: string | null }) => void} onPicture
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
        const colors = await this.#colors(`${path}/palette.json`, signal);
        if (signal.aborted) break;
        // An image sends no key.
        const card = key("user") || !this.#withCards ? null : url(`${path}/card?disposition=inline`).href;
        if (colors) this.#onPicture({ index: this.#next, colors, card });
        this.#next += 1;
      }
    } catch {
      // Previews are a courtesy: the results come with the job's end.
      this.#hasFailed = !signal.aborted;
      this.pause();
    }
    this.#isAsking = false;
  }

  /** The palette of a picture; null if it failed or is not done yet. @param {string} path @param {AbortSignal} signal @returns {Promise<Swatch[] | null>} */
  async #colors(path, signal) {
    try {
      const { colors } = await json(path, { signal });
      return colors;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }
}
