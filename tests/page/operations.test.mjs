// The Operations view: the key, the verdict, figures that are fresh or said to be old, and where operators are elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPERATOR_TOKEN, SERVICE_WITH_KEYS, SERVICE_WITH_PREFIX, tabTo, until } from "./browser.mjs";
import { createJob, go, openOperations, refused, leaveAnswersToTheService, whenRead } from "./operator.mjs";

const READY = "**/ready";

/** Changes what /ready answers. */
const answerReady = (page, change) =>
  page.route(READY, async (route) => {
    const response = await route.fetch();
    const body = change(await response.json());
    await route.fulfill({ response, status: body.ready ? 200 : 503, json: body });
  });

const withFullDisk = (body) => ({
  ...body,
  ready: false,
  dependencies: { ...body.dependencies, disk: false },
  checks: { ...body.checks, disk: { ...body.checks.disk, ok: false, reason: "too little is free" } },
});

const word = (page) => page.textContent(".verdict h2");

/** Counts the requests for a path from now on. */
function count(page, path) {
  const seen = { requests: 0 };
  page.on("request", (request) => { if (new URL(request.url()).pathname.endsWith(path)) seen.requests += 1; });
  return seen;
}

/** How often a path was asked for until now: requests are reported in their order. */
async function asked(page, seen) {
  await page.evaluate(() => fetch("health"));
  return seen.requests;
}

/** Turns the clock to the next reading, and waits until it is there. */
async function nextReading(page) {
  const ready = count(page, "/ready");
  await until("another reading", async () => {
    await page.clock.fastForward(5_000);
    return (await asked(page, ready)) > 0;
  });
}

test("readiness needs no key, and the key is asked for, tried, kept for the session and forgotten", async (t) => {
  const page = await openOperations(t, "", { key: null, expected: refused(401) });
  await page.waitForSelector('.verdict[data-level="good"]');
  assert.match(await page.textContent(".gate"), /huemill secret operator/);
  assert.equal(await page.isVisible('.tile[data-figure="disk"]'), true);
  assert.equal(await page.isVisible('.tile[data-figure="queued"]'), false);
  await tabTo(page, ".gate input");
  await page.keyboard.type("not the token of this service");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".gate input[aria-invalid]");
  assert.match(await page.textContent(".gate .wrong"), /neither the operator token nor a valid key/);
  assert.equal(await page.evaluate(() => document.activeElement.matches(".gate input")), true);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("huemill.key.operator")), null);
  await page.keyboard.type(OPERATOR_TOKEN);
  await page.keyboard.press("Enter");
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  assert.equal(await page.isVisible(".gate"), false);
  assert.equal(await page.evaluate((token) => JSON.stringify(localStorage).includes(token), OPERATOR_TOKEN), false);
  await page.click('.operations [data-action="key"]');
  await page.click("dialog button:has-text('Forget')");
  await page.waitForSelector(".gate input");
  assert.equal(await page.isVisible('.tile[data-figure="queued"]'), false);
});

test("sections ask for the key in their place, and show what was asked for once they have it", async (t) => {
  const page = await openOperations(t, "processes", { key: null });
  await page.fill(".gate input", OPERATOR_TOKEN);
  await page.click(".gate button");
  await page.waitForSelector('.processes .row');
});

test("a key that is no longer accepted is dropped, and nothing is asked with it again", async (t) => {
  const page = await openOperations(t, "jobs", { expected: refused(401) });
  await page.waitForSelector(".jobs .list-note");
  await page.route("**/jobs?*", (route) => route.fulfill({ status: 401, json: { error_code: "UNAUTHORIZED", user_message: "No.", request_id: "abcd1234" } }));
  await whenRead(page, ".gate .wrong:not(:empty)");
  assert.match(await page.textContent(".gate .wrong"), /no longer accepted/);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("huemill.key.operator")), null);
  const metrics = count(page, "/metrics");
  await nextReading(page);
  assert.equal(metrics.requests, 0);
});

test("the verdict and the first three numbers are seen on a phone without scrolling", async (t) => {
  const page = await openOperations(t, "", { width: 360, height: 640, scheme: "dark" });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  assert.ok(["Ready", "Ready, with warnings"].includes(await word(page)));
  const bottoms = await page.$$eval(".tile .value", (values) => values.slice(0, 3).map((value) => value.getBoundingClientRect().bottom));
  assert.equal(bottoms.length, 3);
  assert.ok(bottoms.every((bottom) => bottom <= 640), `${bottoms}`);
});

test("figures come from the service, and are read again every few seconds", async (t) => {
  const page = await openOperations(t, "");
  await page.waitForSelector('.tile[data-figure="busy"]:not([hidden])');
  assert.match(await page.textContent('.tile[data-figure="busy"] .value'), /^\d+\/\d+$/);
  assert.match(await page.textContent('.tile[data-figure="memory"] .value'), /B$/);
  assert.equal(await page.locator(".budgets > li").count(), 7);
  assert.match(await page.textContent(".budgets + .hint"), /since it started/);
  assert.equal(await page.locator(".checks > li").count(), 7);
  await createJob();
  await whenRead(page, '.tile[data-figure="done"] svg.sparkline[role="img"][aria-label]');
  await page.click(".past summary");
  await page.waitForSelector(".past tbody tr");
  assert.match(await page.textContent(".past thead"), /Pictures waiting/);
});

test("burn rates are of a time that is long enough to say something, and memory says whose it is", async (t) => {
  const page = await openOperations(t, "");
  await page.waitForSelector('.tile[data-figure="memory"]:not([hidden])');
  assert.match(await page.textContent('.tile[data-figure="memory"] dt'), /machine or container/);
  assert.match(await page.textContent('.checks [data-check="mem"] strong'), /machine or container/);
  const note = ".budgets + .hint";
  // Two readings at about one time.
  const metrics = count(page, "/metrics");
  await page.click('[data-action="pause"]');
  await page.click('[data-action="pause"]');
  await until("a second reading", () => metrics.requests > 0);
  await page.waitForFunction((note) => /started, \d+ \w+ ago\. The thirty days/.test(document.querySelector(note)?.textContent ?? ""), note);
  await nextReading(page);
  await page.waitForFunction((note) => /has seen: [1-9]\d* (seconds|minutes?)\./.test(document.querySelector(note)?.textContent ?? ""), note);
});

test("updates are paused by the button and while the page is hidden, and go on afterwards", async (t) => {
  const page = await openOperations(t, "");
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await page.click('[data-action="pause"]');
  await page.waitForSelector(".updated:has-text('Paused')");
  const ready = count(page, "/ready");
  await page.clock.runFor(30_000);
  await page.waitForSelector(".numbers.stale");
  assert.equal(await asked(page, ready), 0);
  assert.match(await page.textContent(".stale-note"), /may be out of date/);
  await page.click('[data-action="pause"]');
  await page.waitForSelector(".numbers:not(.stale)");
  const hide = (hidden) => page.evaluate((hidden) => { Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden }); document.dispatchEvent(new Event("visibilitychange")); }, hidden);
  await nextReading(page);
  await hide(true);
  const before = ready.requests;
  await page.clock.runFor(30_000);
  assert.equal(await asked(page, ready), before);
  await hide(false);
  await until("another reading", () => ready.requests > before);
});

test("what is not ready has its reason, the runbook's advice and a time, and its end is announced", async (t) => {
  const page = await openOperations(t, "", { expected: refused(503) });
  await page.waitForSelector('.verdict:not([data-level="bad"]) h2');
  await answerReady(page, withFullDisk);
  await whenRead(page, '.verdict[data-level="bad"]');
  assert.equal(await word(page), "Not ready");
  assert.match(await page.textContent(".verdict .since"), /^Since /);
  const finding = page.locator('.findings li[data-finding="check-disk"]');
  assert.match(await finding.textContent(), /Disk: too little is free/);
  await finding.locator("summary").click();
  assert.match(await finding.locator("details").textContent(), /Enlarge the disk.*Runbook: DiskSpaceLow/s);
  assert.equal(await page.getAttribute('.checks li[data-check="disk"]', "data-level"), "bad");
  assert.match(await page.textContent(".operations .status"), /Not ready/);
  await nextReading(page);
  assert.equal(await finding.locator("details").getAttribute("open"), "");
  await leaveAnswersToTheService(page);
  await whenRead(page, '.verdict:not([data-level="bad"])');
  await page.waitForFunction(() => /^Ready/.test(document.querySelector("#announcer").textContent));
});

test("a service that cannot be reached is said to be, with the last contact, and its figures are not shown as fresh", async (t) => {
  const page = await openOperations(t, "", { expected: [/Failed to load resource/] });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await page.route(READY, (route) => route.abort());
  await whenRead(page, '.verdict[data-level="bad"]');
  assert.equal(await word(page), "Unreachable");
  assert.match(await page.textContent(".verdict .since"), /Last answer at \d/);
  await page.waitForSelector(".numbers.stale .stale-note:not([hidden])");
  assert.match(await page.textContent(".updated"), /No contact/);
  await go(page, "jobs");
  await whenRead(page, ".operations-body.stale .row");
  assert.match(await page.textContent(".operations .status"), /Unreachable/);
  await go(page, "");
  await leaveAnswersToTheService(page);
  await whenRead(page, ".numbers:not(.stale)");
  assert.notEqual(await word(page), "Unreachable");
});

test("without metrics the verdict stays, and what is missing is said", async (t) => {
  const page = await openOperations(t, "", { expected: refused(503) });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await page.route("**/metrics", (route) => route.fulfill({ status: 503, json: { error_code: "OVERLOADED", user_message: "Busy.", request_id: "abcd1234" } }));
  await whenRead(page, ".numbers .problem");
  assert.equal(await page.textContent('.tile[data-figure="queued"] .value'), "–");
  assert.match(await word(page), /^Ready/);
  assert.match(await page.textContent('.tile[data-figure="disk"] .value'), /B$/);
  await leaveAnswersToTheService(page);
  await whenRead(page, ".numbers .problem", "detached");
  assert.match(await page.textContent('.tile[data-figure="queued"] .value'), /^\d+$/);
});

test("where operators have a listener of their own, the public one says so kindly", async (t) => {
  const page = await openOperations(t, "", { expected: refused(404) });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await answerReady(page, ({ ready }) => ({ ready }));
  await whenRead(page, ".elsewhere:not([hidden])");
  assert.match(await page.textContent(".elsewhere"), /listener of their own/);
  assert.equal(await page.isVisible(".numbers"), false);
  await go(page, "jobs");
  await page.waitForSelector(".operations-body > .gate .elsewhere:not([hidden])");
});

test("a service that wants keys is operated the same way", async (t) => {
  assert.ok(SERVICE_WITH_KEYS, "set HUEMILL_URL_WITH_KEYS");
  const page = await openOperations(t, "", { url: `${SERVICE_WITH_KEYS}/` });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await go(page, "jobs");
  await page.waitForSelector(".jobs .list-note:not(:empty)");
});

test("the view works behind a path prefix", async (t) => {
  const page = await openOperations(t, "", { url: SERVICE_WITH_PREFIX });
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  await page.click('.sections a[data-section="processes"]');
  await page.waitForSelector(".processes .row");
});

test("a view that is left reads nothing more", async (t) => {
  const page = await openOperations(t, "");
  await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
  const ready = count(page, "/ready");
  await page.click('#header a[data-view="studio"]');
  await page.waitForSelector(".studio");
  await page.clock.runFor(60_000);
  assert.equal(await asked(page, ready), 0);
  await page.goBack();
  await until("another reading", () => ready.requests > 0);
});

for (const locale of ["de-DE", "it-IT"]) {
  test(`every section has its texts (${locale})`, async (t) => {
    const page = await openOperations(t, "", { locale });
    await page.waitForSelector('.tile[data-figure="queued"]:not([hidden])');
    for (const section of ["jobs", "webhooks", "processes", "keys"]) {
      await go(page, section);
      await page.waitForSelector(`.${section} .list-note:not(:empty)`);
    }
    await go(page, "queue");
    await page.waitForSelector(".switches li");
    assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2));
  });
}
