// Uses the types that openapi-typescript generated, as a front end would: uploads a picture, creates a job, polls it, and
// reads its results. Prints what it found as JSON.

import { readFile } from "node:fs/promises";
import { argv } from "node:process";
import createClient from "openapi-fetch";
import type { components, paths, webhooks } from "./service.js";

type Job = components["schemas"]["Job"];
type WebhookBody = webhooks["jobEnded"]["post"]["requestBody"]["content"]["application/json"];

const [server, picture] = argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: server });

/** A form as the fetch API sends it. */
function form(fields: Record<string, Blob | Blob[] | string | number>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one instanceof Blob) form.append(name, one, "picture.png");
      else form.append(name, String(one));
    }
  }
  return form;
}

function hasEnded(job: Job): boolean {
  return job.status !== "queued" && job.status !== "processing";
}

/** Polls a job until it has ended, and then once more with a current tag. Also returns the status of that last answer. */
async function ended(id: string, known?: Job, tag?: string): Promise<[Job, number]> {
  const { data, error, response } = await client.GET("/jobs/{id}", {
    params: { path: { id }, header: tag ? { "If-None-Match": tag } : {} },
  });
  if (error) throw new Error(error.error_code);
  const job = data ?? known;
  if (!job) throw new Error(String(response.status));
  if (response.status === 304 && hasEnded(job)) return [job, response.status];
  await new Promise((resolve) => setTimeout(resolve, 100));
  return ended(id, job, response.headers.get("ETag") ?? undefined);
}

/** What a receiver reads of a webhook, as far as the types go. */
export function reasonOf(body: WebhookBody): string {
  return body.error ? `${body.error.error_code}: ${body.error.message}` : `${body.results_count ?? 0} results`;
}

const file = new Blob([await readFile(picture)], { type: "image/png" });
const processed = await client.POST("/process", {
  body: { image: "", colors: 5, card: "none" },
  bodySerializer: () => form({ image: file, colors: 5, card: "none" }),
});
// Other values of `Accept` and `export` give files.
if (typeof processed.data !== "object") throw new Error(processed.error?.error_code);

const refused = await client.POST("/process", {
  params: { query: { colors: 21 } },
  body: { image: "" },
  bodySerializer: () => form({ image: file }),
});
const accepted = await client.POST("/jobs", {
  params: { header: { "Idempotency-Key": "a-key-of-mine" } },
  body: { images: [] },
  bodySerializer: () => form({ images: [file, file] }),
});
if (!accepted.data) throw new Error(accepted.error.error_code);
const [job, again] = await ended(accepted.data.job_id);

console.log(JSON.stringify({
  colors: processed.data.colors.map((color) => color.hex),
  triple: processed.data.palette[0]?.length,
  card: processed.data.social_image,
  refused: refused.error?.error_code,
  status: job.status,
  // `status` tells which members a job has.
  results: job.status === "completed" ? job.results.map((result) => result.filename) : [],
  card_is_inline: job.status === "completed" && job.results[0]?.social_image?.startsWith("data:image/png"),
  again,
}));
