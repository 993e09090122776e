// Batches: how jobs are sent, stopped, and sent again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCHES, choose, ended, png, some } from "./batches.mjs";
import { open, until } from "./browser.mjs";
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

/** Holds the sending of jobs until it is released, and counts it. */
async function heldJobs(page) {
  let release;
  const isHeld = new Promise((resolve) => (release = resolve));
  const held = { count: 0, release };
  await page.route("**/jobs", async (route) => {
    held.count += 1;
    await isHeld;
    await route.continue();
  });
  return held;
}

const speak = async (page, language) => {
  await page.selectOption("#header select", language);
  await page.waitForSelector(`html[lang="${language}"] h1`);
};

test("sending goes on when the language changes, and so does what was chosen", async (t) => {
  const page = await open(t, BATCHES);
  const held = await heldJobs(page);
  await page.click(".options summary");
  await page.fill('[name="colors"]', "4");
  await choose(page, some(2));
  await speak(page, "de");
  assert.match(await page.textContent(".chosen-sum"), /2 Bilder/);
  assert.equal(await page.inputValue('[name="colors"]'), "4");
  await page.click(".start");
  await until("it is being sent", () => held.count === 1);
  await speak(page, "it");
  assert.match(await page.textContent(".cancel-sending"), /Interrompi/);
  assert.equal(await page.evaluate(() => document.querySelector(".inputs").inert), true);
  held.release();
  await ended(page);
  assert.equal(held.count, 1);
  assert.equal(await page.locator(".tile >> nth=0").locator(".swatch").count(), 4);
});

test("sending that goes on in another language can be stopped, and started again", async (t) => {
  const page = await open(t, BATCHES);
  const held = await heldJobs(page);
  t.after(held.release);
  await choose(page, some(2));
  await page.click(".start");
  await until("it is being sent", () => held.count === 1);
  await speak(page, "de");
  await page.click(".cancel-sending");
  await page.waitForSelector(".start:focus");
  assert.match(await page.textContent(".outcome"), /abgebrochen/);
  assert.match(await page.textContent(".chosen-sum"), /2 Bilder/);
  await page.unroute("**/jobs");
  await page.keyboard.press("Enter");
  await ended(page);
});

test("what was sent while another view was seen in another language is in the list, and no longer in the form", async (t) => {
  const page = await open(t, BATCHES);
  const held = await heldJobs(page);
  await choose(page, some(2));
  await page.click(".start");
  await until("it is being sent", () => held.count === 1);
  await page.click('#header a[data-view="studio"]');
  await page.waitForSelector(".studio");
  await speak(page, "de");
  held.release();
  await page.waitForFunction(() => /1 Auftrag wurde gestartet/.test(document.getElementById("announcer")?.textContent ?? ""));
  await page.click('#header a[data-view="batches"]');
  await page.waitForSelector(".jobs li");
  assert.equal(await page.isVisible(".chosen-sum"), false);
  assert.equal(await page.isDisabled(".start"), true);
});
