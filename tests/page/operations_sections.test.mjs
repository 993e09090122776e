// The sections of the Operations view, each for real: jobs, webhooks, the queue, processes and keys, by mouse and by
// keyboard.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVICE_WITH_KEYS, tabTo, until } from "./browser.mjs";
import { createJob, go, openOperations, operator, pauseDuring, receiver, refused, leaveAnswersToTheService, whenRead } from "./operator.mjs";
import { damaged, picture } from "./pictures.mjs";
import { listingStatus } from "./service.mjs";

const row = (id) => `.row[data-id="${id}"]`;

const job = (id) => operator().GET("/jobs/{id}", { params: { path: { id } } });
const statusOf = async (id) => (await job(id)).data.status;

test("a waiting job is canceled by the keyboard alone, and then deleted", async (t) => {
  await pauseDuring(t, "image_batch");
  const id = await createJob();
  const page = await openOperations(t, "jobs/queued");
  await page.waitForSelector(`${row(id)} [data-action="cancel"]`);
  await tabTo(page, `${row(id)} [data-action="cancel"]`, 400);
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog.confirm");
  // The safe answer has the focus: Enter alone does no harm.
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog.confirm", { state: "detached" });
  assert.equal(await statusOf(id), "queued");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), "cancel");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await until("the job is canceled", async () => (await statusOf(id)) === "canceled");
  // It is no longer among those that wait.
  await page.waitForSelector(row(id), { state: "detached" });
  await page.selectOption('.filters select >> nth=0', "canceled");
  await page.waitForFunction(() => location.hash === "#/operations/jobs/canceled/all");
  await page.click(`${row(id)} [data-action="delete"]`);
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector(row(id), { state: "detached" });
  assert.equal((await job(id)).error.error_code, "EXPIRED_JOB");
});

test("a job's details have its failures and its status, and a retry that cannot help says why", async (t) => {
  const id = await createJob([picture(1, 64, 48), damaged(2)]);
  await until("the job is done", async () => (await statusOf(id)) === "completed");
  const page = await openOperations(t, "jobs/completed/image_batch", { expected: refused(409) });
  await page.click(`${row(id)} [data-action="details"]`);
  await page.waitForSelector(`${row(id)} .failures li`);
  assert.match(await page.textContent(`${row(id)} .failures`), /PROCESSING_ERROR picture-1\.png/);
  assert.equal(JSON.parse(await page.textContent(`${row(id)} pre.answer`)).job_id, id);
  await page.click(`${row(id)} [data-action="retry"]`);
  await page.waitForSelector(`${row(id)} .problem:focus`);
  assert.match(await page.textContent(`${row(id)} .problem`), /no picture that can be retried/);
  // What can be retried is retried, and the row follows.
  await page.route(`**/jobs/${id}/retry`, (route) => route.fulfill({ status: 202, json: { job_id: id, status: "processing", retried: 1 } }));
  await page.click(`${row(id)} [data-action="retry"]`);
  await page.waitForFunction(() => /back in the queue/.test(document.querySelector("#announcer").textContent));
  assert.equal(await page.locator(`${row(id)} .problem`).count(), 0);
});

test("jobs come page by page, stay where they are while they are read again, and follow the filters", async (t) => {
  const ids = [];
  for (let index = 0; index < 23; index++) ids.push(await createJob([picture(index, 24, 24)]));
  await until("the last job is done", async () => (await statusOf(ids.at(-1))) === "completed");
  const page = await openOperations(t, "jobs/all/image_batch");
  await page.waitForSelector(".rows .row >> nth=19");
  assert.equal(await page.locator(".rows .row").count(), 20);
  await page.click(".more");
  await page.waitForSelector(row(ids[0]));
  // The first new row has the focus.
  assert.equal(await page.evaluate(() => [...document.activeElement.parentElement.children].indexOf(document.activeElement)), 20);
  await page.click(`${row(ids[0])} [data-action="details"]`);
  await page.waitForSelector(`${row(ids[0])} pre.answer`);
  const newest = await createJob([picture(99, 24, 24)]);
  await whenRead(page, row(newest));
  assert.equal(await page.isVisible(`${row(ids[0])} pre.answer`), true);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), "details");
  await page.selectOption(".filters select >> nth=1", "zip_batch");
  await page.waitForSelector(row(newest), { state: "detached" });
});

test("a webhook that was abandoned is seen with its attempt and sent again", async (t) => {
  const { url, bodies } = await receiver(t, [410, 200]);
  const job = await createJob(undefined, { callback_url: url });
  const deliveries = async () => (await operator().GET("/webhooks/deliveries", { params: { query: { job_id: job } } })).data.deliveries;
  const [{ id }] = await until("the webhook is abandoned", async () => { const found = await deliveries(); return found[0]?.status === "dead" && found; });
  const page = await openOperations(t, `webhooks/dead/${job}`);
  await page.waitForSelector(row(id));
  assert.match(await page.textContent(row(id)), /receiver is gone \(410\)/);
  await page.click(`${row(id)} [data-action="details"]`);
  assert.match(await page.textContent(`${row(id)} .attempts`), /1\. .*receiver is gone \(410\).*answer 410/s);
  await go(page, `webhooks/all/${job}`);
  await page.click(`${row(id)} [data-action="redeliver"]`);
  await page.waitForSelector(`${row(id)} .badge.good`);
  assert.equal(bodies.length, 2);
  assert.equal(JSON.parse(bodies[1]).job_id, job);
  // One that arrived is sent again only after a question.
  await page.click(`${row(id)} [data-action="redeliver"]`);
  await page.click('dialog [data-action="confirm"]');
  await until("the third delivery", () => bodies.length === 3);
});

test("one type of the queue is paused and resumed, and the overview says so", async (t) => {
  t.after(() => operator().POST("/queue/resume", { params: { query: { type: "url_batch" } } }));
  const page = await openOperations(t, "queue");
  const button = '[data-action="switch-url_batch"]';
  await page.click(button);
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector('.switches li[data-kind="url_batch"][data-paused="true"]');
  assert.ok((await operator().GET("/queue")).data.paused.includes("url_batch"));
  // The button keeps the focus though its meaning changes.
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), "switch-url_batch");
  await page.click('.sections a[data-section=""]');
  await page.waitForSelector('.findings li[data-finding="paused-"]');
  assert.match(await page.textContent(".verdict h2"), /Ready, with warnings/);
  await page.click('.findings li[data-finding="paused-"] a');
  await page.waitForSelector(button);
  await page.click(button);
  await page.waitForSelector('.switches li[data-kind="url_batch"][data-paused="false"]');
  assert.ok(!(await operator().GET("/queue")).data.paused.includes("url_batch"));
});

test("the whole queue is paused on purpose alone, and resuming lifts every pause", async (t) => {
  assert.ok(SERVICE_WITH_KEYS, "set HUEMILL_URL_WITH_KEYS");
  const service = SERVICE_WITH_KEYS;
  t.after(() => operator(service).POST("/queue/resume"));
  const page = await openOperations(t, "queue", { url: `${service}/` });
  await page.click('[data-action="switch-zip_batch"]');
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector('.switches li[data-kind="zip_batch"][data-paused="true"]');
  await page.click('[data-action="switch-all"]');
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  assert.deepEqual((await operator(service).GET("/queue")).data.paused, ["zip_batch"]);
  await page.click('[data-action="switch-all"]');
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector('.switches li[data-kind="all"][data-paused="true"]');
  assert.match(await page.textContent('.switches li[data-kind="image_batch"]'), /paused with the queue/);
  await page.click('[data-action="switch-all"]');
  await page.waitForSelector('.switches li[data-kind="zip_batch"][data-paused="false"]');
  assert.deepEqual((await operator(service).GET("/queue")).data.paused, []);
});

test("processes have their role, version and heartbeat; one that is gone with pictures is pointed out", async (t) => {
  const page = await openOperations(t, "processes");
  await page.waitForSelector(".processes .row .badge.good");
  const { processes } = (await operator().GET("/processes")).data;
  const text = await page.textContent(row(processes[0].id));
  for (const part of [processes[0].host, processes[0].version, "everything"]) assert.ok(text.includes(part), `${part} in ${text}`);
  const gone = { ...processes[0], id: "gone", host: "mill-2:1", version: "0.0.9", alive: false, pictures: 2, duties: [] };
  await page.route("**/processes", (route) => route.fulfill({ json: { processes: [...processes, gone] } }));
  await whenRead(page, row("gone"));
  assert.match(await page.textContent(row("gone")), /gone/);
  assert.match(await page.textContent(".fleet"), /1 is gone and still holds pictures/);
});

test("a key is created by the keyboard, shown once, works, is rotated and revoked", async (t) => {
  assert.ok(SERVICE_WITH_KEYS, "set HUEMILL_URL_WITH_KEYS");
  const service = SERVICE_WITH_KEYS;
  const name = `test ${Date.now()}`;
  const status = (secret) => listingStatus(service, secret);
  const page = await openOperations(t, "keys", { url: `${service}/` });
  await tabTo(page, ".new-key summary");
  await page.keyboard.press("Enter");
  await tabTo(page, ".new-key input");
  await page.keyboard.type(name);
  await tabTo(page, ".new-key select");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, ".limits summary");
  await page.keyboard.press("Enter");
  await tabTo(page, '[data-limit="open_jobs"]');
  await page.keyboard.type("7");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".secret h3:focus");
  const secret = await page.inputValue('[data-secret="key"]');
  assert.match(secret, /^hm_/);
  assert.ok((await page.inputValue('[data-secret="webhook-secret"]')).length > 10);
  await page.click('[data-action="copy-key"]');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  assert.equal(await status(secret), 200);
  const { keys } = (await operator(service).GET("/keys")).data;
  const key = keys.find((one) => one.name === name);
  assert.deepEqual([key.scopes, key.limits], [["process", "jobs:read", "jobs:write"], { open_jobs: 7 }]);
  assert.ok(key.expires_at > Date.now() / 1000 + 6 * 86_400);
  await page.click('[data-action="saved"]');
  assert.equal(await page.evaluate((secret) => document.documentElement.outerHTML.includes(secret), secret), false);
  await page.waitForSelector(row(key.id));
  await page.click(`${row(key.id)} [data-action="rotate"]`);
  await page.selectOption("dialog select", "0");
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector(".secret h3:focus");
  const second = await page.inputValue('[data-secret="key"]');
  assert.notEqual(second, secret);
  assert.deepEqual([await status(second), await status(secret)], [200, 401]);
  // A secret does not stay behind when the section is left.
  await go(page, "");
  await page.waitForSelector(".verdict");
  await go(page, "keys");
  const next = (await operator(service).GET("/keys")).data.keys.find((one) => one.name === name && one.id !== key.id);
  await page.waitForSelector(row(next.id));
  assert.equal(await page.isVisible(".secret"), false);
  await page.click(`${row(next.id)} [data-action="revoke"]`);
  assert.match(await page.textContent("dialog"), new RegExp(name));
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector(row(next.id), { state: "detached" });
  assert.equal(await status(second), 401);
});

test("a key that cannot be created keeps the form and says why", async (t) => {
  const page = await openOperations(t, "keys", { expected: refused(400) });
  await page.click(".new-key summary");
  await page.fill(".new-key input", "nothing allowed");
  for (const box of await page.locator(".scope input").all()) await box.uncheck();
  await page.click('.new-key button[type="submit"]');
  await page.waitForSelector(".new-key .problem:focus");
  assert.match(await page.textContent(".new-key .problem"), /scopes/);
  assert.equal(await page.inputValue(".new-key input"), "nothing allowed");
});

test("where requests must be signed, the page says that it cannot, and asks for no key", async (t) => {
  const page = await openOperations(t, "queue", { expected: refused(401) });
  await page.route("**/queue/pause*", (route) => route.fulfill({ status: 401, json: { error_code: "MISSING_SIGNATURE", user_message: "No.", detail: "The request must be signed.", request_id: "abcd1234" } }));
  await page.click('[data-action="switch-url_batch"]');
  await page.click('dialog [data-action="confirm"]');
  await page.waitForSelector(".queue .problem:focus");
  assert.match(await page.textContent(".queue .problem"), /cannot sign.*huemill command/s);
  assert.equal(await page.locator(".queue .problem button").count(), 0);
  assert.equal(await page.isVisible(".gate"), false);
});

test("text from outside is text", async (t) => {
  const page = await openOperations(t, "webhooks");
  const delivery = {
    id: "dlv_x", job_id: "job_x", status: "dead", next_attempt_at: null, created_at: 1_700_000_000, finished_at: 1_700_000_001, host: "https://<img src=x onerror=alert(1)>",
    attempts: [{ number: 1, at: 1_700_000_000, status_code: 500, reason: "<i>new</i>", duration_ms: 3, answer: "<script>alert(1)</script>" }],
  };
  await page.route("**/webhooks/deliveries*", (route) => route.fulfill({ json: { deliveries: [delivery], next_cursor: null } }));
  await whenRead(page, row("dlv_x"));
  await page.click(`${row("dlv_x")} [data-action="details"]`);
  assert.match(await page.textContent(row("dlv_x")), /<img src=x.*<i>new<\/i>.*<script>alert\(1\)<\/script>/s);
  assert.equal(await page.locator(`${row("dlv_x")} :is(img, script, i)`).count(), 0);
});

test("a list that cannot be read says so, and comes back", async (t) => {
  const page = await openOperations(t, "jobs", { expected: refused(503) });
  await page.waitForSelector(".jobs .list-note:not(:empty)");
  await page.route("**/jobs?*", (route) => route.fulfill({ status: 503, json: { error_code: "NOT_READY", user_message: "Not now.", request_id: "abcd1234" } }));
  await whenRead(page, ".jobs .problem");
  assert.match(await page.textContent(".jobs .problem"), /Not now.*abcd1234/s);
  await leaveAnswersToTheService(page);
  await page.click(".jobs .problem button");
  await page.waitForSelector(".jobs .problem", { state: "detached" });
});
