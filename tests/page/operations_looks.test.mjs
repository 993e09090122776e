// axe in the main states of the Operations view, in all looks, none of which is wider than its window.
import { test } from "node:test";
import { looksRight } from "./browser.mjs";
import { createJob, go, openOperations, operator, refused, leaveAnswersToTheService, whenRead } from "./operator.mjs";
import { damaged } from "./pictures.mjs";

/** A webhook with everything that one may have. */
const DELIVERY = {
  id: "dlv_01a22bbbdb09250f34c003e73a259757717affdb4f43", job_id: "job_01a22bbbdb09250f34c003e73a259757717affdb4f43", status: "pending",
  created_at: 1_790_000_000, finished_at: null, next_attempt_at: 2_000_000_000, host: "https://a-receiver-with-a-very-long-name.example.org:8443",
  attempts: [{ number: 1, at: 1_790_000_000, status_code: 500, reason: "server_error", duration_ms: 12, answer: "x".repeat(300) }],
};

test("axe finds nothing in the overview, whatever its state, in any look", async (t) => {
  const page = await openOperations(t, "", { key: null, expected: [...refused(503), /Failed to load/] });
  await page.waitForSelector('.verdict[data-level="good"]');
  await looksRight(page, "without a key", ".gate input");
  await page.evaluate((key) => { sessionStorage.setItem("huemill.key.operator", key); }, process.env.HUEMILL_OPERATOR_TOKEN);
  await page.evaluate(() => window.dispatchEvent(new CustomEvent("huemill:key", { detail: "operator" })));
  await whenRead(page, '.tile[data-figure="done"] svg.sparkline');
  await page.click(".past summary");
  await page.waitForSelector(".past tbody tr");
  await looksRight(page, "with figures", ".past tbody tr");
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
  await looksRight(page, "not ready", ".findings details[open]");
  await leaveAnswersToTheService(page);
  await page.route("**/ready", (route) => route.abort());
  await whenRead(page, ".numbers.stale");
  await looksRight(page, "unreachable", ".numbers.stale");
});

test("axe finds nothing in the other sections, in any look", async (t) => {
  const job = await createJob([damaged(1)]);
  const page = await openOperations(t, "jobs");
  await page.click(`.row[data-id="${job}"] [data-action="details"]`);
  await page.waitForSelector(`.row[data-id="${job}"] pre.answer`);
  await looksRight(page, "jobs", `.row[data-id="${job}"] pre.answer`);
  await page.click(`.row[data-id="${job}"] [data-action="delete"]`);
  await page.waitForSelector("dialog[open]");
  await looksRight(page, "a question", "dialog[open]");
  await page.keyboard.press("Escape");
  await page.route("**/webhooks/deliveries*", (route) => route.fulfill({ json: { deliveries: [DELIVERY], next_cursor: "next" } }));
  await go(page, "webhooks");
  await page.click(`.row[data-id="${DELIVERY.id}"] [data-action="details"]`);
  await looksRight(page, "webhooks", ".row .attempts");
  await go(page, "queue");
  await page.waitForSelector(".switches li");
  await looksRight(page, "the queue", ".switches li");
  await go(page, "processes");
  await page.waitForSelector(".processes .row");
  await looksRight(page, "processes", ".processes .row");
  await go(page, "keys");
  await page.click(".new-key > summary");
  await page.click(".limits summary");
  await looksRight(page, "the form of a key", ".limits[open]");
  const name = `look ${Date.now()}`;
  await page.fill(".new-key input", name);
  await page.click('.new-key button[type="submit"]');
  await page.waitForSelector(".secret h3");
  const { keys } = (await operator().GET("/keys")).data;
  const { id } = keys.find((key) => key.name === name);
  t.after(() => operator().DELETE("/keys/{id}", { params: { path: { id } } }));
  await page.waitForSelector(`.row[data-id="${id}"]`);
  await looksRight(page, "a new key", ".secret h3");
});
