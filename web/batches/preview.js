// Shows the pictures of a job while it goes on. Pictures settle about in the order in which they were sent, so they are
// asked for from the first one that is not settled, some at a time and with one request at a time.
import { jobPath, json } from "../lib/api.js";

/** @typedef {import("./types.js").Pictures} Pictures */

/** Pictures of one request. */
const WINDOW = 50;

export class Preview {
  #id;
  #onPictures;
  #asking = new AbortController();
  /** The indexes of the pictures that are settled and shown. */
  #settled = new Set();
  /** The first index that is not settled. */
  #first = 0;
  /** How many pictures are settled at least. */
  #expected = 0;
  #isAsking = false;
  #hasFailed = false;

  /**
   * @param {string} id of the job
   * @param {(pictures: Pictures) => void} onPictures is given each settled picture once
   */
  constructor(id, onPictures) {
    this.#id = id;
    this.#onPictures = onPictures;
  }

  /** @param {{ total?: number, progress?: number }} job as it is now */
  update({ total = 0, progress = 0 }) {
    // The service rounds the progress down.
    this.#expected = Math.ceil((progress * total) / 100);
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
      // What settles behind a window that was read is found the next time.
      for (let expected = -1; expected < this.#expected && !signal.aborted; ) {
        expected = this.#expected;
        await this.#read(expected, signal);
      }
    } catch {
      // This is a courtesy: the results come with the job's end.
      this.#hasFailed = !signal.aborted;
      this.pause();
    }
    this.#isAsking = false;
  }

  /** Reads windows until so many pictures are settled. @param {number} expected @param {AbortSignal} signal */
  async #read(expected, signal) {
    /** @type {number | null} */
    let from = this.#first;
    while (from !== null && this.#settled.size < expected && !signal.aborted) {
      /** @type {Pictures} */
      const pictures = await json(jobPath(this.#id, `/results?from=${from}&limit=${WINDOW}`), { signal });
      if (signal.aborted) return;
      this.#show(pictures);
      from = pictures.next === null ? null : this.#unsettled(pictures.next);
    }
  }

  /** @param {Pictures} pictures */
  #show(pictures) {
    const isNew = (/** @type {{ index: number }} */ { index }) => !this.#settled.has(index);
    const [results, failed] = [pictures.results.filter(isNew), pictures.failed.filter(isNew)];
    for (const { index } of [...results, ...failed]) this.#settled.add(index);
    this.#first = this.#unsettled(this.#first);
    if (results.length + failed.length > 0) this.#onPictures({ ...pictures, results, failed });
  }

  /** The first index from here on that is not settled. @param {number} from */
  #unsettled(from) {
    let index = from;
    while (this.#settled.has(index)) index += 1;
    return index;
  }
}
