// Lets a few requests run at one time; the others wait their turn.

export class Queue {
  #running = 0;
  #atOnce;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} atOnce */
  constructor(atOnce) {
    this.#atOnce = atOnce;
  }

  /**
   * @template Value
   * @param {() => Promise<Value>} work
   * @param {{ signal: AbortSignal, isUrgent: boolean }} options what is urgent goes first; what was aborted never starts
   * @returns {Promise<Value>}
   */
  async run(work, { signal, isUrgent }) {
    if (this.#running >= this.#atOnce) {
      await new Promise((resolve) => {
        const turn = () => resolve(null);
        if (isUrgent) this.#waiting.unshift(turn);
        else this.#waiting.push(turn);
      });
    } else {
      this.#running += 1;
    }
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      // The place goes to the next one, if there is one.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
