// Batches: jobs that go on for a while. How they are followed, canceled and found again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, OPERATOR_TOKEN, SERVICE, SERVICE_WITH_KEYS, until } from "./browser.mjs";
import { BATCHES, ended, start, withoutCards } from "./batches.mjs";
import * as pictures from "./pictureserver.mjs";
import { addressOf } from "./pictureserver.mjs";
import { createdKey, deleteJob } from "./service.mjs";

/** Chromium logs each answer that is an error, also where the page expects it. */
const NOT_FOUND = /status of 404/;
const UNAUTHORIZED = /status of 401/;

const slow = (count) => Array.from({ length: count }, (_, at) => addressOf(`slow/${at + 1}.png`));
const quick = (count) => Array.from({ length: count }, (_, at) => addressOf(`${at + 1}.png`));

/** At least how long the page waits before it asks again. */
const POLLS_MS = 10_000;

const jobOf = (page) => page.url().split("/").pop();

/** Counts the page's event streams, and how many are open at a time. */
const countStreams = (page) =>
  page.addInitScript(() => {
    const counts = (globalThis.streams = { made: 0, open: 0, most: 0, addresses: [] });
    const Native = globalThis.EventSource;
    globalThis.EventSource = class extends Native {
      #isOpen = true;
      constructor(address) {
        super(address);
        counts.made += 1;
        counts.open += 1;
        counts.most = Math.max(counts.most, counts.open);
        counts.addresses.push(String(address));
      }
      close() {
        if (this.#isOpen) counts.open -= 1;
        this.#isOpen = false;
        super.close();
      }
    };
  });
const streams = (page) => page.evaluate(() => globalThis.streams);

/** Hides or shows the tab, as far as the page can tell. */
const setVisibility = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

test("lines that are no addresses are named before sending, and a bad address fails alone", async (t) => {
  const page = await open(t, BATCHES);
  await page.fill(".new-job textarea", `\n${addressOf("1.png")}\nftp://example.org/a.jpg\n  ${addressOf("damaged.png")}  \nwww.example.org`);
  assert.match(await page.textContent(".area-status"), /2 addresses.*2 lines are not web addresses.*Line 3:.*ftp:.*Line 5:.*www\./s);
  await page.click(".start");
  await ended(page);
  assert.equal(await page.locator(".tile").count(), 2);
  assert.match(await page.textContent(".tile.is-failure"), /damaged\.png.*PROCESSING_ERROR/s);
});

test("pictures appear while the job goes on, and the focus moves to the results when it ends", async (t) => {
  const page = await open(t, BATCHES);
  pictures.hold(t);
  await start(page, [...slow(1), ...quick(17), addressOf("damaged.png"), addressOf("slow/2.png")]);
  await until("all that are settled are there", async () => (await page.locator(".tile").count()) === 18);
  assert.equal(await page.locator(".job-progress progress").count(), 1);
  await page.waitForFunction(() => document.querySelector(".tile img")?.naturalWidth > 0);
  assert.equal(await page.textContent(".tile-name >> nth=0"), "1 (2).png");
  assert.match(await page.textContent(".tile.is-failure"), /damaged\.png.*PROCESSING_ERROR/s);
  assert.match(await page.title(), /^\d+% · /);
  assert.match(await page.textContent(".job-eta"), /%/);
  const [palette] = await Promise.all([page.waitForEvent("download"), page.click(".export").then(() => page.click('[data-format="css"]'))]);
  assert.match(palette.suggestedFilename(), /\.palette\.css$/);
  const shown = await page.locator(".tile").first().elementHandle();
  await page.locator(".job-name").focus();
  pictures.release();
  await ended(page);
  await until("all tiles are there", async () => (await page.locator(".tile").count()) === 20);
  const indexes = await page.locator(".tile").evaluateAll((tiles) => tiles.map(({ dataset }) => Number(dataset.index)));
  assert.deepEqual(indexes, Array.from({ length: 20 }, (_, at) => at));
  assert.ok(await shown.evaluate((tile) => tile.isConnected), "a tile that is right stays");
  assert.match(await page.title(), /^Done · /);
});

test("pictures of a large job are asked for from the first that is missing, some at a time", async (t) => {
  const page = await open(t, BATCHES);
  const windows = [];
  page.on("request", (request) => request.url().includes("/results?") && windows.push(new URL(request.url()).searchParams));
  pictures.hold(t);
  await withoutCards(page);
  await start(page, [...quick(70), ...slow(2)]);
  await until("all that are settled are there", async () => (await page.locator(".tile").count()) === 70);
  // How many are settled when the page asks is chance; with fifty at a time, seventy need a second window in any case.
  assert.ok(windows.every((window) => window.get("limit") === "50"), windows.join(" "));
  const firsts = windows.map((window) => Number(window.get("from")));
  assert.equal(firsts[0], 0);
  assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b));
  pictures.release();
  await ended(page);
});

test("whoever is busy with a result keeps the focus when the job ends", async (t) => {
  const page = await open(t, BATCHES);
  pictures.hold(t);
  await start(page, [...quick(2), ...slow(1)]);
  await page.locator(".tile .export").first().focus();
  pictures.release();
  await page.waitForSelector('.job-head .badge[data-status="completed"]');
  await until("all tiles are there", async () => (await page.locator(".tile").count()) === 3);
  assert.ok(await page.evaluate(() => document.activeElement?.classList.contains("export")));
});

test("progress is announced at quarters, and the end is too", async (t) => {
  const page = await open(t, BATCHES);
  await page.evaluate(() => {
    globalThis.said = [];
    new MutationObserver(() => globalThis.said.push(document.getElementById("announcer").textContent)).observe(document.getElementById("announcer"), { childList: true });
  });
  pictures.hold(t);
  await start(page, [...quick(6), ...slow(4)]);
  await page.waitForFunction(() => globalThis.said.includes("50% done"));
  pictures.release();
  await ended(page);
  await page.waitForFunction(() => globalThis.said.some((text) => text.startsWith("10 pictures are done.")));
});

test("the page has one event stream at a time, and none in a hidden tab or another view", async (t) => {
  const page = await open(t, BATCHES);
  await countStreams(page);
  await page.reload();
  await page.waitForSelector(".new-job");
  pictures.hold(t);
  await start(page, slow(2));
  const first = jobOf(page);
  await until("the first job's stream is open", async () => (await streams(page)).open === 1);
  await page.click(".back");
  await until("the list has no stream", async () => (await streams(page)).open === 0);
  await start(page, slow(3));
  await until("the second job's stream is open", async () => (await streams(page)).open === 1);
  await setVisibility(page, "hidden");
  await until("a hidden tab has no stream", async () => (await streams(page)).open === 0);
  const asked = page.waitForResponse((response) => response.url().includes(`jobs/${jobOf(page)}?`));
  await setVisibility(page, "visible");
  await asked;
  await until("the stream is open again", async () => (await streams(page)).open === 1);
  await page.click('#header a[data-view="studio"]');
  await until("another view has no stream", async () => (await streams(page)).open === 0);
  await page.goto(page.url().replace(/#.*/, `#/batches/${first}`));
  await until("the first job has a stream", async () => (await streams(page)).open === 1);
  pictures.release();
  await page.waitForSelector('.job-head .badge[data-status="completed"]');
  const { most, open: left } = await streams(page);
  assert.deepEqual({ most, left }, { most: 1, left: 0 });
});

test("a job is polled where its stream fails", async (t) => {
  const page = await open(t, { ...BATCHES, hasClock: true, expected: [/ERR_FAILED/, /status of 503/] });
  await page.route("**/events", (route) => route.fulfill({ status: 503, body: "" }));
  pictures.hold(t);
  const conditions = [];
  page.on("request", (request) => request.url().includes("?cards=url") && conditions.push(request.headers()["if-none-match"]));
  await start(page, slow(2));
  await until("the job is asked for with the tag of the last answer", async () => {
    await page.clock.fastForward(POLLS_MS);
    return conditions.some(Boolean);
  });
  pictures.release();
  await until("the job has ended", async () => {
    await page.clock.fastForward(POLLS_MS);
    return page.locator(".results h2:focus").isVisible();
  });
});

test("a job is canceled after a question, and what was done stays", async (t) => {
  const page = await open(t, BATCHES);
  pictures.hold(t);
  await start(page, [...quick(4), ...slow(4)]);
  await page.waitForFunction(() => document.querySelector(".job-progress progress")?.value >= 50);
  await page.click(".cancel-job");
  await page.waitForSelector("dialog.confirm button:focus");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog.confirm", { state: "detached" });
  await page.click(".cancel-job");
  await page.click("dialog.confirm .danger");
  await page.waitForSelector('.job-head .badge[data-status="canceled"]');
  assert.match(await page.textContent(".job-sum"), /canceled. 4 pictures had been done/);
  await until("the results are there", async () => (await page.locator(".tile").count()) === 4);
  pictures.release();
});

test("a reload in the middle finds the job again, in the list and in its progress", async (t) => {
  const page = await open(t, { ...BATCHES, hasClock: true });
  pictures.hold(t);
  await start(page, [...quick(2), ...slow(2)]);
  await page.reload();
  await page.waitForSelector(".job-progress progress");
  assert.match(await page.textContent(".job-name"), /127\.0\.0\.1/);
  await page.click(".back");
  await page.waitForSelector('.jobs .badge[data-status="processing"]');
  pictures.release();
  await until("the list has its end", async () => {
    await page.clock.fastForward(POLLS_MS);
    return page.locator('.jobs .badge[data-status="completed"]').isVisible();
  });
  await page.click(".jobs .job-line a");
  await until("the results are there", async () => (await page.locator(".tile").count()) === 4);
});

test("a job that expired is told kindly and can be removed", async (t) => {
  const page = await open(t, { ...BATCHES, expected: [NOT_FOUND] });
  pictures.release();
  await page.fill(".new-job textarea", quick(1).join("\n"));
  await page.click(".start");
  await ended(page);
  await deleteJob(SERVICE, jobOf(page));
  await page.reload();
  await page.waitForSelector(".gone");
  assert.match(await page.textContent(".gone"), /no longer there.*expired or was deleted/s);
  assert.equal(await page.locator(".problem").count(), 0);
  await page.click(".back");
  await page.waitForSelector('.jobs .is-gone .badge[data-status="gone"]');
  await page.click(".clear-gone");
  await page.waitForSelector(".job-list h2:focus");
  assert.match(await page.textContent(".job-list"), /No jobs yet/);
});

test("the list keeps a hundred jobs, and is cleared after a question", async (t) => {
  const page = await open(t, BATCHES);
  await page.evaluate(() => {
    const job = (at) => ({ id: `job_${at}`, name: `job ${at}`, count: 3, created_at: 1_700_000_000, expires_at: 1_700_086_400, status: "completed" });
    localStorage.setItem("huemill.jobs", JSON.stringify(Array.from({ length: 100 }, (_, at) => job(at))));
  });
  await page.reload();
  await page.waitForSelector(".jobs");
  assert.equal(await page.locator(".jobs .is-gone").count(), 100);
  pictures.release();
  await page.fill(".new-job textarea", quick(1).join("\n"));
  await page.click(".start");
  await ended(page);
  await page.click(".back");
  await page.waitForSelector(".jobs");
  assert.equal(await page.locator(".jobs li").count(), 100);
  await page.click(".jobs .remove >> nth=1");
  assert.equal(await page.locator(".jobs li").count(), 99);
  await page.click(".clear-all");
  await page.click("dialog.confirm .danger");
  await page.waitForSelector(".empty");
});

test("with keys in force, a key is asked for once and streams use links", async (t) => {
  assert.ok(SERVICE_WITH_KEYS, "set HUEMILL_URL_WITH_KEYS");
  const key = await createdKey(SERVICE_WITH_KEYS, OPERATOR_TOKEN, ["process", "jobs:read", "jobs:write"]);
  const page = await open(t, { ...BATCHES, url: `${SERVICE_WITH_KEYS}/`, expected: [UNAUTHORIZED, /status of 403/] });
  await countStreams(page);
  await page.reload();
  await page.waitForSelector(".new-job");
  pictures.hold(t);
  await page.fill(".new-job textarea", [...quick(12), ...slow(2)].join("\n"));
  await page.click(".start");
  await page.waitForSelector('.problem[data-code="UNAUTHORIZED"]');
  await page.click(".problem button");
  await page.fill(".key-dialog input", key);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".tile img")?.naturalWidth > 0);
  assert.equal(await page.locator(".job-progress progress").count(), 1);
  const { addresses, most } = await streams(page);
  assert.equal(most, 1);
  assert.match(addresses[0], new RegExp(`^${SERVICE_WITH_KEYS}/links/`));
  pictures.release();
  await ended(page);
  await page.waitForFunction(() => document.querySelector(".tile img")?.naturalWidth > 0);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.click(".export").then(() => page.click('[data-format="gpl"]')),
  ]);
  assert.match(download.suggestedFilename(), /\.palette\.gpl$/);

  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await page.waitForSelector('.problem[data-code="UNAUTHORIZED"]');
  await page.click(".problem button");
  await page.fill(".key-dialog input", key);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tile");
});

test("an address leads to jobs alone, whatever is written in it", async (t) => {
  const paths = [];
  const page = await open(t, { expected: [NOT_FOUND] });
  page.on("request", (request) => paths.push(new URL(request.url()).pathname));
  await page.evaluate(() => { location.hash = "#/batches/..%2Fready"; });
  await page.waitForSelector(".gone");
  assert.ok(paths.includes("/jobs/unknown") && !paths.includes("/ready"), paths.join(" "));
  await page.evaluate(() => { location.hash = "#/batches/100%"; });
  await page.waitForFunction(() => document.querySelector(".job")?.dataset.job === "100%");
  await page.waitForSelector(".gone");
});
