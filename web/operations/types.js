// The answers of the service that this view reads. Times are Unix seconds.

/**
 * `GET /ready`. Where operators have a listener of their own, the public one has `ready` alone.
 * @typedef {object} Ready
 * @property {boolean} ready
 * @property {"starting" | "stale" | "draining" | "doomed"} [reason]
 * @property {Record<string, boolean>} [dependencies]
 * @property {number} [uptime_seconds]
 * @property {number} [active_requests]
 * @property {number | null} [error_rate_last_5m]
 * @property {Record<string, Check>} [checks]
 */

/**
 * A dependency. Its other members are figures whose names have the unit, and for the actors what they say of themselves.
 * @typedef {{ ok: boolean, reason?: string, shared?: boolean, dispatcher?: Dispatcher } & Record<string, unknown>} Check
 */

/**
 * @typedef {object} Dispatcher
 * @property {number} claimed
 * @property {number} downloads
 * @property {boolean} paused
 * @property {string} [paused_by]
 * @property {number} [resumes_in_ms]
 * @property {boolean} suspects_waiting
 * @property {string[]} queue_paused
 */

/**
 * A row of `GET /jobs`, and with `failed` and `results` the answer of `GET /jobs/{id}`.
 * @typedef {object} Job
 * @property {string} job_id
 * @property {"queued" | "processing" | "completed" | "failed" | "canceled" | "expired"} status
 * @property {"zip_batch" | "url_batch" | "image_batch"} type
 * @property {string} request_id
 * @property {number} created_at
 * @property {number} [started_at]
 * @property {number} [finished_at]
 * @property {number} expires_at
 * @property {number} [progress] in percent
 * @property {number} [eta_s]
 * @property {number} [results_count]
 * @property {number} [failed_count]
 * @property {{ index: number, filename?: string, url?: string, error_code: string, user_message: string }[]} [failed]
 * @property {unknown[]} [results]
 */

/**
 * A row of `GET /webhooks/deliveries`.
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} job_id
 * @property {"pending" | "delivered" | "dead"} status
 * @property {Attempt[]} attempts
 * @property {number | null} next_attempt_at
 * @property {number} created_at
 * @property {number | null} finished_at
 * @property {string} host
 */

/**
 * @typedef {object} Attempt
 * @property {number} number
 * @property {number} at
 * @property {number | null} status_code
 * @property {string | null} reason
 * @property {number} duration_ms
 * @property {string} answer
 */

/**
 * A row of `GET /keys`.
 * @typedef {object} AccessKey
 * @property {string} id
 * @property {string} name
 * @property {string[]} scopes
 * @property {Record<string, number>} limits
 * @property {number} created_at
 * @property {number | null} expires_at
 * @property {number | null} last_used_at
 */

/** What `POST /keys` answers. @typedef {AccessKey & { key: string, webhook_secret: string }} NewKey */

/**
 * A row of `GET /processes`.
 * @typedef {object} Process
 * @property {string} id
 * @property {string} host
 * @property {string} version
 * @property {"all" | "web" | "worker"} role
 * @property {number} slots
 * @property {number} started_at
 * @property {number} beat_at
 * @property {boolean} alive
 * @property {string[]} duties
 * @property {number} pictures
 */

/** `GET /queue`. @typedef {{ paused: string[] }} Queue */

/**
 * A part of the view.
 * @typedef {object} Section
 * @property {HTMLElement} element
 * @property {(parts: string[]) => void} [show] called with the rest of the address
 * @property {(state: import("./monitor.js").MonitorState) => void} [render] called after each reading
 * @property {(signal: AbortSignal) => Promise<void>} [refresh] reads its own figures again
 * @property {() => void} [hide] called when another section takes its place: ends requests, drops secrets
 */

/**
 * What sections may ask of the view.
 * @typedef {object} Context
 * @property {(error: unknown) => boolean} absorb handles an error that concerns the whole view; false if it is the section's
 * @property {() => void} refresh reads everything again at once
 */

export {};
