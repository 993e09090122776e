// The API reference: all operations of the document, found by search, by address and by keyboard.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { looksRight, open, SERVICE, SERVICE_WITH_KEYS, SERVICE_WITH_PREFIX, tabTo } from "./browser.mjs";
import { picture } from "./pictures.mjs";

const REFERENCE = { url: `${SERVICE}/docs` };
const document = await (await fetch(`${SERVICE}/openapi.json`)).json();
const operations = Object.values(document.paths).flatMap((item) => ["get", "post", "delete"].map((method) => item[method]).filter(Boolean));

test("every operation, webhook and schema of the document has a section", async (t) => {
  const page = await open(t, REFERENCE);
  const ids = new Set(await page.$$eval("details.operation", (sections) => sections.map(({ id }) => id)));
  for (const { operationId } of operations) assert.ok(ids.has(operationId), operationId);
  for (const name of Object.keys(document.components.schemas)) assert.ok(ids.has(`schema-${name}`), name);
  assert.equal(Object.keys(document.webhooks).length > 0 && (await page.textContent(".reference")).includes("webhook-signature"), true);
});

test("the first thing to read is how to make a first call, which works in a shell; the document comes after it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "huemill-docs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "photo.jpg"), picture(1));
  const page = await open(t, REFERENCE);
  assert.match(await page.textContent(".reference p >> nth=0"), /first call.*curl/);
  const places = await page.$$eval(".reference .call, .reference a[download], .reference .prose", (found) => found.map(({ className }) => className));
  assert.deepEqual(places.slice(0, 3), ["call", "button", "prose"]);
  await page.click(".copy-call");
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(line, await page.textContent(".call"));
  const answer = execFileSync("sh", ["-c", line], { cwd: folder, stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1e8 });
  assert.equal(JSON.parse(answer).palette.length, 10);
});

test("a search lists what has all its words, and the link opens the section", async (t) => {
  const page = await open(t, REFERENCE);
  await tabTo(page, "#search");
  await page.keyboard.type("post process");
  const links = page.locator(".contents a");
  const ids = await links.evaluateAll((found) => found.map((link) => link.hash));
  assert.ok(ids.includes("#processPicture") && !ids.includes("#getJob"), ids.join());
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const section = page.locator(`${ids[0]}[open]`);
  await section.waitFor();
  await page.waitForFunction((id) => document.activeElement?.parentElement?.matches(id), ids[0]);
});

test("an address with an operation opens it", async (t) => {
  const page = await open(t, { ...REFERENCE, path: "#getJob" });
  await page.locator("#getJob[open] .answer").first().waitFor();
  assert.match(await page.textContent("#getJob .path"), /\/jobs\/\{/);
});

test("the reference speaks the chosen language, and its header leads back to the page", async (t) => {
  const page = await open(t, REFERENCE);
  await page.selectOption("#header select", "de");
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "API-Referenz");
  assert.equal(await page.getAttribute('#header a[data-view="docs"]', "aria-current"), "page");
  await page.click('#header a[data-view="studio"]');
  await page.waitForSelector(".studio");
});

test("the reference needs no key and works behind a path prefix", async (t) => {
  for (const url of [`${SERVICE_WITH_KEYS}/docs`, `${SERVICE_WITH_PREFIX}docs`]) {
    const page = await open(t, { url });
    assert.equal(await page.locator("#processPicture").count(), 1);
  }
});

test("axe finds nothing in the reference, in any look", async (t) => {
  const page = await open(t, REFERENCE);
  // One operation is open with all that it has, and the others are closed, so that one visit sees both.
  await page.evaluate(() => document.querySelectorAll("#getJob, #getJob details").forEach((section) => (section.open = true)));
  await looksRight(page, "the reference", "#getJob .answer");
});
