// axe in the main states of the Operations view, in all looks, none of which is wider than its window.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findings, LOOKS, scrollsSideways } from "./browser.mjs";
import { createJob, go, openOperations, operator, refused, whenRead } from "./operator.mjs";
import { damaged } from "./pictures.mjs";

/** A webhook with everything that one may have. */
const DELIVERY = {
  id: "dlv_01a22bbbdb09250f34c003e73a259757717affdb4f43", job_id: "job_01a22bbbdb09250f34c003e73a259757717affdb4f43", status: "pending",
  created_at: 1_790_000_000, finished_at: null, next_attempt_at: 2_000_000_000, host: "https://a-receiver-with-a-very-long-name.example.org:8443",
  attempts: [{ number: 1, at: 1_790_000_000, status_code: 500, reason: "server_error", duration_ms: 12, answer: "x".repeat(300) }],
};

async function check(page, what) {
  assert.equal(await scrollsSideways(page), false, `${what} scrolls sideways`);
  assert.deepEqual(await findings(page), [], what);
}

for (const look of LOOKS) {
  test(`axe finds nothing in the overview, whatever its state (${look.scheme}, ${look.width} px)`, async (t) => {
    const page = await openOperations(t, "", { ...look, key: null, expected: [...refused(503), /Failed to load/] });
    await page.waitForSelector('.verdict[data-level="good"]');
    await check(page, "without a key");
    await page.evaluate((key) => { sessionStorage.setItem("huemill.key.operator", key); }, process.env.HUEMILL_OPERATOR_TOKEN);
    await page.evaluate(() => window.dispatchEvent(new CustomEvent("huemill:key", { detail: "operator" })));
    await whenRead(page, '.tile[data-figure="done"] svg.sparkline');
    await page.click(".past summary");
    await page.waitForSelector(".past tbody tr");
    await check(page, "with figures");
    await page.route("**/ready", async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      for (const name of ["disk", "mem"]) body.checks[name] = { ...body.checks[name], ok: false, reason: "too much is used" };
      body.checks.store = { ...body.checks.store, shared: true, reason: "blobs: no answer in 3000 ms" };
      body.checks.actors.dispatcher = { ...body.checks.actors.dispatcher, paused: true, paused_by: "store", queue_paused: ["all"] };
      await route.fulfill({ response, status: 503, json: { ...body, ready: false, reason: "stale", error_rate_last_5m: 0.02 } });
    });
    await whenRead(page, '.verdict[data-level="bad"] .findings li:nth-child(4)');
    await page.click(".findings summary");
    await check(page, "not ready");
    await page.unroute("**/ready");
    await page.route("**/ready", (route) => route.abort());
    await whenRead(page, ".numbers.stale");
    await check(page, "unreachable");
  });

  test(`axe finds nothing in the other sections (${look.scheme}, ${look.width} px)`, async (t) => {
    const job = await createJob([damaged(1)]);
    const page = await openOperations(t, "jobs", look);
    await page.click(`.row[data-id="${job}"] [data-action="details"]`);
    await page.waitForSelector(`.row[data-id="${job}"] pre.answer`);
    await check(page, "jobs");
    await page.click(`.row[data-id="${job}"] [data-action="delete"]`);
    await page.waitForSelector("dialog[open]");
    await check(page, "a question");
    await page.keyboard.press("Escape");
    await page.route("**/webhooks/deliveries*", (route) => route.fulfill({ json: { deliveries: [DELIVERY], next_cursor: "next" } }));
    await go(page, "webhooks");
    await page.click(`.row[data-id="${DELIVERY.id}"] [data-action="details"]`);
    await check(page, "webhooks");
    await go(page, "queue");
    await page.waitForSelector(".switches li");
    await check(page, "the queue");
    await go(page, "processes");
    await page.waitForSelector(".processes .row");
    await check(page, "processes");
    await go(page, "keys");
    await page.click(".new-key > summary");
    await page.click(".limits summary");
    await check(page, "the form of a key");
    const name = `look ${look.scheme} ${look.width} ${Date.now()}`;
    await page.fill(".new-key input", name);
    await page.click('.new-key button[type="submit"]');
    await page.waitForSelector(".secret h3");
    const { keys } = (await operator().GET("/keys")).data;
    const { id } = keys.find((key) => key.name === name);
    t.after(() => operator().DELETE("/keys/{id}", { params: { path: { id } } }));
    await page.waitForSelector(`.row[data-id="${id}"]`);
    await check(page, "a new key");
  });
}
