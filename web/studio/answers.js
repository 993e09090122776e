// Answers of the service that several parts of the view need, or that it needs again: each is asked for once. What is
// asked for at this moment is joined, what was answered is kept.

/**
 * The reason with which a view that is made anew, such as in another language, gives up waiting: the request goes on, and the
 * next view joins it.
 */
export const HANDOVER = new DOMException("Another view takes over.", "AbortError");

/** What is kept of answers altogether; what was used longest ago goes first. */
const MOST_BYTES = 64 * 2 ** 20;
const MOST_ANSWERS = 200;

/** @typedef {{ answer: Promise<any>, ends: AbortController, waiting: number }} Running */

/** @type {Map<string, Running>} */
const running = new Map();
/** The least recently used first. @type {Map<string, { answer: any, bytes: number }>} */
const kept = new Map();
/** @type {WeakMap<File, string>} */
const names = new WeakMap();
let files = 0;

/** A request by its file and by all that decides the answer. @param {File} file @param {string} what */
function keyOf(file, what) {
  const name = names.get(file) ?? `file ${(files += 1)}`;
  names.set(file, name);
  return `${name}: ${what}`;
}

/**
 * Joins a request that is under way, or begins it. It ends when no one waits for it any more.
 * @template Answer
 * @param {string} key
 * @param {(signal: AbortSignal) => Promise<Answer>} ask
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function joined(key, ask, signal) {
  signal.throwIfAborted();
  const one = running.get(key) ?? begin(key, ask);
  one.waiting += 1;
  try {
    return await unlessAborted(one.answer, signal);
  } finally {
    one.waiting -= 1;
    if (one.waiting === 0 && signal.aborted && signal.reason !== HANDOVER) end(key, one);
  }
}

/**
 * The answer to a request about a file, asked for once as long as it is kept.
 * @template Answer
 * @param {File} file
 * @param {string} what
 * @param {(signal: AbortSignal) => Promise<{ answer: Answer, bytes: number }>} ask
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function answered(file, what, ask, signal) {
  const key = keyOf(file, what);
  const known = kept.get(key);
  if (!known) return (await joined(key, async (ends) => keep(key, await ask(ends)), signal)).answer;
  kept.delete(key);
  kept.set(key, known);
  return known.answer;
}

/** Whether an answer is kept or on its way, so that no other request is needed. @param {File} file @param {string} what */
export function isAsked(file, what) {
  const key = keyOf(file, what);
  return kept.has(key) || running.has(key);
}

/** @param {string} key @param {(signal: AbortSignal) => Promise<any>} ask */
function begin(key, ask) {
  const ends = new AbortController();
  /** @type {Running} */
  const one = { answer: ask(ends.signal), ends, waiting: 0 };
  running.set(key, one);
  const settle = () => forget(key, one);
  // A failure is told to those who wait, if there are any.
  one.answer.then(settle, settle);
  return one;
}

/** @param {string} key @param {Running} one */
function end(key, one) {
  forget(key, one);
  one.ends.abort();
}

/** @param {string} key @param {Running} one */
function forget(key, one) {
  if (running.get(key) === one) running.delete(key);
}

/** @template {{ bytes: number }} Found @param {string} key @param {Found} found */
function keep(key, found) {
  kept.set(key, /** @type {any} */ (found));
  let bytes = [...kept.values()].reduce((sum, each) => sum + each.bytes, 0);
  for (const [oldest, each] of kept) {
    if (kept.size <= 1 || (bytes <= MOST_BYTES && kept.size <= MOST_ANSWERS)) break;
    kept.delete(oldest);
    bytes -= each.bytes;
  }
  return found;
}

/** @template Answer @param {Promise<Answer>} answer @param {AbortSignal} signal @returns {Promise<Answer>} */
function unlessAborted(answer, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
