// What the tests ask of the service themselves, through the client whose types are generated from its OpenAPI document. The
// checker sees that what is sent and read here is what the document says.
import createClient from "openapi-fetch";

/** @typedef {import("api").components["schemas"]} Schemas */

/** @param {string} url of the service @param {string} [key] */
export function client(url, key) {
  /** @type {ReturnType<typeof createClient<import("api").paths>>} */
  const made = createClient({ baseUrl: url, headers: key ? { Authorization: `Bearer ${key}` } : {} });
  return made;
}

/**
 * The data of an answer, which must be a success.
 * @template T @param {{ data?: T, error?: unknown, response: Response }} answer @returns {T}
 */
function successful({ data, error, response }) {
  if (data === undefined) throw new Error(`${response.status} ${JSON.stringify(error)}`);
  return data;
}

/** @param {Record<string, string | number>} fields @param {string} name @param {Uint8Array[]} pictures */
function form(fields, name, pictures) {
  const body = new FormData();
  for (const [field, value] of Object.entries(fields)) body.append(field, String(value));
  pictures.forEach((bytes, index) => body.append(name, new Blob([/** @type {BlobPart} */ (bytes)], { type: "image/png" }), `picture-${index}.png`));
  return body;
}

/**
 * What the service says of a picture, without a card.
 * @param {string} url @param {Uint8Array} bytes @param {Record<string, string | number>} [fields]
 */
export async function processed(url, bytes, fields = {}) {
  const body = form({ card: "none", ...fields }, "image", [bytes]);
  const data = successful(await client(url).POST("/process", { body: { image: "" }, bodySerializer: () => body }));
  if (typeof data !== "object") throw new Error("the service answered with a file");
  return data;
}

/**
 * Creates a job of pictures as the operator, and returns its id.
 * @param {string} url @param {string} operator @param {Uint8Array[]} pictures @param {Record<string, string | number>} [fields]
 */
export async function createdJob(url, operator, pictures, fields = {}) {
  const body = form(fields, "images", pictures);
  return successful(await client(url, operator).POST("/jobs", { body: { images: [] }, bodySerializer: () => body })).job_id;
}

/** Deletes a job. @param {string} url @param {string} id */
export async function deleteJob(url, id) {
  const { response } = await client(url).DELETE("/jobs/{id}", { params: { path: { id } } });
  if (response.status !== 204) throw new Error(String(response.status));
}

/** A new key with these scopes. @param {string} url @param {string} operator @param {Schemas["Scope"][]} scopes */
export async function createdKey(url, operator, scopes) {
  return successful(await client(url, operator).POST("/keys", { body: { name: "page", scopes } })).key;
}

/** The status with which jobs are listed for a key. @param {string} url @param {string} key */
export const listingStatus = async (url, key) => (await client(url, key).GET("/jobs")).response.status;
