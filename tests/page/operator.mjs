// The operator of the tests: opens the Operations view, and does directly what a test needs to have happened.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { open, OPERATOR_TOKEN, RECEIVER_PORT, SERVICE, until } from "./browser.mjs";
import { picture } from "./pictures.mjs";
import { client, createdJob } from "./service.mjs";

/** Opens a section of the view with the operator's key in the session, unless `key` is null. Its clock can be turned forward. */
export async function openOperations(t, section = "", { key = OPERATOR_TOKEN, ...options } = {}) {
  assert.ok(OPERATOR_TOKEN, "set HUEMILL_OPERATOR_TOKEN to the operator token of the service");
  const page = await open(t, { path: "#/studio", hasClock: true, ...options });
  if (key) await page.evaluate((key) => sessionStorage.setItem("huemill.key.operator", key), key);
  await go(page, section);
  await page.waitForSelector(`.operations .sections a[data-section="${section.split("/")[0]}"][aria-current]`);
  return page;
}

/** Goes to a section as a link does. */
export const go = (page, section) => page.evaluate((section) => { location.hash = `#/operations${section && `/${section}`}`; }, section);

/** How often the view reads. */
const INTERVAL_MS = 5_000;

/** Turns the clock from reading to reading until the page has an element, or has it no more. */
export const whenRead = (page, selector, state = "visible") =>
  until(`${selector} is ${state}`, async () => {
    await page.clock.fastForward(INTERVAL_MS);
    return page.waitForSelector(selector, { state, timeout: 500 }).then(() => true, () => false);
  });

/** The service's client with the operator's key. */
export const operator = (service = SERVICE) => client(service, OPERATOR_TOKEN);

/** Creates a job of pictures, and returns its id. */
export const createJob = (pictures = [picture(1, 64, 48)], fields = {}, service = SERVICE) => createdJob(service, OPERATOR_TOKEN, pictures, fields);

/** Pauses one type of job while a test runs. */
export async function pauseDuring(t, type) {
  const params = { query: { type } };
  t.after(() => operator().POST("/queue/resume", { params }));
  assert.equal((await operator().POST("/queue/pause", { params })).response.status, 200);
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

/** Leaves all requests to the service again. Answers that a test is about to give are waited for. */
export const leaveAnswersToTheService = (page) => page.unrouteAll({ behavior: "wait" });

/** A console line that a refused request leaves in Chromium. */
export const refused = (...codes) => codes.map((code) => new RegExp(`status of ${code}`));
