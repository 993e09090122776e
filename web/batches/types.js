// The shapes of the service's answers that this view reads, and of what it keeps in the browser.

/**
 * @typedef {"queued" | "processing" | "completed" | "failed" | "canceled"} Status
 *
 * @typedef {object} Swatch
 * @property {string} hex
 * @property {string} name
 * @property {string} text black or white, whichever is read better on it
 * @property {number} share from 0 to 1
 *
 * @typedef {object} Result
 * @property {number} index
 * @property {string} filename
 * @property {string} [url]
 * @property {Swatch[]} colors
 * @property {string} [average]
 * @property {string | null} social_image a data: URL or a link; null if the job makes no cards
 *
 * @typedef {object} Failure
 * @property {number} index
 * @property {string} filename
 * @property {string} [url]
 * @property {string} error_code
 * @property {string} user_message
 *
 * @typedef {object} Job the body of `GET /jobs/{id}`, and the data of its events, which have no results
 * @property {string} [job_id]
 * @property {Status} status
 * @property {"zip_batch" | "url_batch" | "image_batch"} type
 * @property {string} request_id
 * @property {number} created_at
 * @property {number} [started_at]
 * @property {number} [finished_at]
 * @property {number} expires_at
 * @property {number} [progress]
 * @property {number} [eta_s]
 * @property {number} [total] of pictures, until it has ended
 * @property {number} [results_count]
 * @property {number} [failed_count]
 * @property {string} [download_url]
 * @property {string} [events_url]
 * @property {Result[]} [results]
 * @property {Failure[]} [failed]
 * @property {string} [error_code]
 * @property {string} [user_message]
 *
 * @typedef {object} Pictures the settled pictures of a window: the body of `GET /jobs/{id}/results`
 * @property {Result[]} results
 * @property {Failure[]} failed
 * @property {number} total of the job's pictures
 * @property {number | null} next where the next window begins
 *
 * @typedef {object} Accepted the answer of `POST /jobs`
 * @property {string} job_id
 * @property {Status | "expired"} status expired where the key of the request is that of a job past its time
 * @property {number} eta_s
 * @property {string} request_id
 * @property {string} [events_url]
 *
 * @typedef {object} KnownJob a job of one's own, as the browser keeps it
 * @property {string} id
 * @property {string} name of its folder, archive, first file or first host
 * @property {number | null} count of pictures; null where the archive does not say
 * @property {number} created_at
 * @property {number | null} expires_at
 * @property {Status | "gone"} status as it was last seen
 *
 * @typedef {object} Chosen a file with the path that becomes its name
 * @property {File} file
 * @property {string} path
 * @property {number | null} [count] of the pictures in an archive, where that could be found out
 *
 * @typedef {object} LeftOut
 * @property {string} path
 * @property {"kind" | "empty" | "unreadable" | "many"} reason
 */

/** Whether nothing more will happen to a job. @param {{ status: string }} job */
export const hasEnded = ({ status }) => status === "completed" || status === "failed" || status === "canceled";
