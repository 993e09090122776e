// Sends jobs one after the other. It goes on whether or not a form shows it: the page makes the form anew when it changes
// its language.
import { announce } from "../lib/announce.js";
import { t } from "../lib/texts.js";
import { remember } from "./history.js";
import { sendPart } from "./parts.js";

/** @typedef {import("./parts.js").Part} Part */
/** How it ended: the ids of the jobs that are sent, the jobs that are not, and why. @typedef {{ ids: string[], rest: Part[], error: unknown }} Outcome */

/**
 * @typedef {object} Follower
 * @property {(at: number) => void} onPart called when one of the jobs begins to be sent
 * @property {(share: number) => void} onProgress from 0 to 1
 * @property {(outcome: Outcome) => void} onEnd
 */

export class Sending {
  /** Which of the jobs is being sent, and how much of it has left the browser. */
  at = 0;
  share = 0;
  /** @type {Outcome | null} */
  outcome = null;
  #ends = new AbortController();
  /** @type {Follower | null} */
  #follower = null;

  /** @param {Part[]} parts @param {Record<string, string>} options */
  constructor(parts, options) {
    this.parts = parts;
    this.options = options;
  }

  /** Shows it to a form, in place of the one before. @param {Follower | null} follower */
  follow(follower) {
    this.#follower = follower;
  }

  stop() {
    this.#ends.abort();
  }

  /** Those that are sent stay sent if a later one fails. */
  async run() {
    window.addEventListener("beforeunload", warn);
    /** @type {string[]} */
    const ids = [];
    /** @type {unknown} */
    let error = null;
    try {
      for (const [at, part] of this.parts.entries()) ids.push(await this.#send(at, part));
    } catch (caught) {
      error = caught;
    }
    window.removeEventListener("beforeunload", warn);
    this.outcome = { ids, rest: this.parts.slice(ids.length), error };
    if (this.#follower) this.#follower.onEnd(this.outcome);
    else if (error === null) announce(t("batches.sending.done", { count: ids.length }));
  }

  /** @param {number} at @param {Part} part */
  async #send(at, part) {
    [this.at, this.share] = [at, 0];
    this.#follower?.onPart(at);
    const onProgress = (/** @type {number} */ share) => {
      this.share = share;
      this.#follower?.onProgress(share);
    };
    const accepted = await sendPart(part, this.options, { signal: this.#ends.signal, onProgress });
    remember(known(part, accepted));
    return accepted.job_id;
  }
}

/** @param {BeforeUnloadEvent} event */
const warn = (event) => event.preventDefault();

/** @param {Part} part @param {import("./types.js").Accepted} accepted @returns {import("./types.js").KnownJob} */
const known = (part, accepted) => ({
  id: accepted.job_id,
  name: part.name,
  count: part.count,
  created_at: Math.floor(Date.now() / 1000),
  expires_at: null,
  // Also where the answer is a repeated one and the job has ended: its end was not seen here.
  status: "queued",
});
