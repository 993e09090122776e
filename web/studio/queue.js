// Lets a few requests run at one time; the others wait their turn, and leave when they are aborted.

/** @param {number} atOnce */
export function createQueue(atOnce) {
  let running = 0;
  /** @type {(() => void)[]} */
  const waiting = [];
  const next = () => {
    running -= 1;
    waiting.shift()?.();
  };

  /**
   * @template Value
   * @param {() => Promise<Value>} work
   * @param {{ signal: AbortSignal, isUrgent?: boolean }} options what is urgent goes first
   * @returns {Promise<Value>}
   */
  async function run(work, { signal, isUrgent = false }) {
    if (running >= atOnce) {
      await new Promise((resolve) => {
        const turn = () => resolve(null);
        if (isUrgent) waiting.unshift(turn);
        else waiting.push(turn);
      });
    }
    running += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      next();
    }
  }

  return { run };
}
