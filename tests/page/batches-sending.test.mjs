// Batches: how jobs are sent, stopped, and sent again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCHES, choose, ended, png, some } from "./batches.mjs";
import { open } from "./browser.mjs";
import { picture } from "./pictures.mjs";

test("a job whose answer was lost is sent again without becoming two", async (t) => {
  const page = await open(t, { ...BATCHES, expected: [/ERR_FAILED/] });
  const keys = [];
  const answers = [];
  await page.route("**/jobs", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    const response = await route.fetch();
    answers.push(await response.json());
    if (keys.length === 1) await route.abort();
    else await route.fulfill({ response });
  });
  await choose(page, some(2));
  await page.click(".start");
  await page.waitForSelector('.problem[data-code="NETWORK"]:focus');
  await page.click(".problem button");
  await ended(page);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.equal(answers[0].job_id, answers[1].job_id);
});

test("an upload shows how much of it has left the browser", async (t) => {
  const page = await open(t, BATCHES);
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 400_000 });
  await choose(page, Array.from({ length: 4 }, (_, at) => png(`p${at}.png`, picture(at, 480, 360))));
  await page.click(".start");
  await page.waitForSelector(".cancel-sending:focus");
  await page.waitForFunction(() => /^[1-9]\d?% sent/.test(document.querySelector(".sending-text")?.textContent ?? ""));
  assert.equal(await page.evaluate(() => document.querySelector(".inputs").inert), true);
  await ended(page);
});

test("a page without TLS has keys for its jobs too", async (t) => {
  const page = await open(t);
  await page.addInitScript(() => delete Crypto.prototype.randomUUID);
  await page.goto(page.url().replace(/#.*/, "") + "?plain#/batches");
  await page.waitForSelector(".new-job");
  await choose(page, some(1));
  const [request] = await Promise.all([page.waitForRequest((request) => request.method() === "POST"), page.click(".start")]);
  assert.match(request.headers()["idempotency-key"], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  await ended(page);
});

test("sending can be stopped, and what was chosen stays", async (t) => {
  const page = await open(t, BATCHES);
  await page.route("**/jobs", () => {});
  await choose(page, some(2));
  await page.click(".start");
  await page.click(".cancel-sending");
  await page.waitForSelector(".start:focus");
  assert.match(await page.textContent(".chosen-sum"), /2 pictures/);
  await page.unroute("**/jobs");
  await page.keyboard.press("Enter");
  await ended(page);
});
