// The operator of the tests: opens the Operations view, and does directly what a test needs to have happened.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { open, OPERATOR_TOKEN, RECEIVER_PORT, SERVICE } from "./browser.mjs";
import { picture } from "./pictures.mjs";

/** Opens a section of the view with the operator's key in the session, unless `key` is null. */
export async function openOperations(t, section = "", { key = OPERATOR_TOKEN, ...options } = {}) {
  assert.ok(OPERATOR_TOKEN, "set HUEMILL_OPERATOR_TOKEN to the operator token of the service");
  const page = await open(t, { path: "#/studio", ...options });
  if (key) await page.evaluate((key) => sessionStorage.setItem("huemill.key.operator", key), key);
  await go(page, section);
  await page.waitForSelector(`.operations .sections a[data-section="${section.split("/")[0]}"][aria-current]`);
  return page;
}

/** Goes to a section as a link does. */
export const go = (page, section) => page.evaluate((section) => { location.hash = `#/operations${section && `/${section}`}`; }, section);

/** Sends a request as the operator. */
export async function asOperator(path, { service = SERVICE, method = "GET", json, body = json && JSON.stringify(json) } = {}) {
  const headers = { Authorization: `Bearer ${OPERATOR_TOKEN}`, ...(json ? { "Content-Type": "application/json" } : {}) };
  const response = await fetch(`${service}/${path}`, { method, headers, body });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}

/** Creates a job of pictures, and returns its id. */
export async function createJob(pictures = [picture(1, 64, 48)], fields = {}, service = SERVICE) {
  const form = new FormData();
  pictures.forEach((bytes, index) => form.append("images", new Blob([bytes], { type: "image/png" }), `picture-${index}.png`));
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const { status, body } = await asOperator("jobs", { service, method: "POST", body: form });
  assert.equal(status, 202, JSON.stringify(body));
  return body.job_id;
}

/** Pauses one type of job while a test runs. */
export async function pauseDuring(t, type) {
  t.after(() => asOperator(`queue/resume?type=${type}`, { method: "POST" }));
  assert.equal((await asOperator(`queue/pause?type=${type}`, { method: "POST" })).status, 200);
}

/** A receiver of webhooks that answers with these status codes in turn, and then with the last one. */
export async function receiver(t, codes) {
  const bodies = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => {
      const code = codes[Math.min(bodies.length, codes.length - 1)];
      bodies.push(body);
      response.writeHead(code).end(`answer ${code}`);
    });
  });
  await new Promise((listening, failed) => server.once("error", failed).listen(RECEIVER_PORT, "127.0.0.1", listening));
  t.after(() => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }));
  return { url: `http://127.0.0.1:${RECEIVER_PORT}/hook`, bodies };
}

/** A console line that a refused request leaves in Chromium. */
export const refused = (...codes) => codes.map((code) => new RegExp(`status of ${code}`));
