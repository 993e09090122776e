// Follows one job: by one event stream while the page is in sight, by polling where the stream fails. A browser has few
// connections for a service, so there is never more than one stream, and none in a hidden tab.
import { ApiError, jobPath, ownUrl, send, url } from "../lib/api.js";
import { hasEnded } from "./types.js";

/** @typedef {import("./types.js").Job} Job */

const POLL_SECONDS = 5;
/** A stream that fails this often in a row is given up for polling. */
const MOST_FAILURES = 3;

export class JobWatch {
  #id;
  #listeners;
  /** @type {Job | null} */
  #job = null;
  #etag = "";
  /** @type {EventSource | null} */
  #stream = null;
  /** @type {AbortController | null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #isWatching = false;

  /**
   * @param {string} id
   * @param {{ onJob: (job: Job) => void, onError: (error: unknown, isTemporary: boolean) => void }} listeners
   */
  constructor(id, listeners) {
    this.#id = id;
    this.#listeners = listeners;
  }

  start() {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#failures = 0;
    document.addEventListener("visibilitychange", this.#onVisibility);
    void this.refresh();
  }

  stop() {
    this.#isWatching = false;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#pause();
  }

  #onVisibility = () => {
    if (document.visibilityState === "hidden") return this.#pause();
    // Perhaps the stream works again.
    this.#failures = 0;
    void this.refresh();
  };

  #pause() {
    this.#stream?.close();
    this.#stream = null;
    this.#asking?.abort();
    this.#asking = null;
    clearTimeout(this.#timer);
  }

  /** Asks for the job as it is now, and goes on from there. */
  async refresh() {
    this.#pause();
    if (!this.#isWatching || document.visibilityState === "hidden") return;
    const asking = (this.#asking = new AbortController());
    try {
      const headers = this.#etag ? { "If-None-Match": this.#etag } : undefined;
      const response = await send(jobPath(this.#id, "?cards=url"), { headers, signal: asking.signal });
      const job = response.status === 304 && this.#job ? this.#job : /** @type {Job} */ (await response.json());
      this.#etag = response.headers.get("ETag") ?? "";
      if (asking.signal.aborted) return;
      this.#tell(job);
      if (hasEnded(job)) return;
      if (this.#failures < MOST_FAILURES) this.#open(job);
      else this.#later(Number(response.headers.get("Retry-After")) || POLL_SECONDS);
    } catch (error) {
      if (asking.signal.aborted) return;
      const isTemporary = error instanceof ApiError && error.isTemporary;
      this.#listeners.onError(error, isTemporary);
      if (isTemporary) this.#later((error instanceof ApiError && error.retryAfter) || POLL_SECONDS);
    }
  }

  /** @param {number} seconds */
  #later(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), seconds * 1000);
  }

  /** @param {Job} job */
  #tell(job) {
    this.#job = job;
    this.#listeners.onJob(job);
  }

  /** @param {Job} job */
  #open(job) {
    // An event source sends no keys, so where keys are in force the job has a link for it.
    const stream = new EventSource(job.events_url ? ownUrl(job.events_url) : url(jobPath(this.#id, "/events")));
    this.#stream = stream;
    stream.addEventListener("progress", (event) => {
      this.#failures = 0;
      this.#tell({ ...job, ...JSON.parse(event.data) });
    });
    for (const end of ["completed", "failed", "canceled"]) {
      // Events have no results.
      stream.addEventListener(end, () => void this.refresh());
    }
    stream.onerror = () => {
      this.#failures += 1;
      // A stream that broke connects again by itself and says what it saw last; one that was refused does not.
      if (stream.readyState === EventSource.CLOSED || this.#failures >= MOST_FAILURES) {
        this.#failures = MOST_FAILURES;
        stream.close();
        this.#later(POLL_SECONDS);
      }
    };
  }
}
