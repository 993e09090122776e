// What all views share: the address, the header, languages, themes, the policy.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findings, inEachLook, open, scrollsSideways, tabTo } from "./browser.mjs";

test("the address names the view, and the back button returns", async (t) => {
  const page = await open(t);
  assert.equal(await page.title(), "Studio · Huemill");
  await page.click('#header a[data-view="batches"]');
  await page.waitForSelector(".batches h1:focus");
  assert.equal(await page.title(), "Batches · Huemill");
  await page.goBack();
  await page.waitForSelector(".studio");
  assert.equal(await page.getAttribute('#header a[data-view="studio"]', "aria-current"), "page");
});

test("all modules of the first view are named by the page, so that none waits for another", async (t) => {
  const page = await open(t);
  await page.waitForSelector(".studio");
  const { loaded, named } = await page.evaluate(() => ({
    loaded: performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.endsWith(".js")),
    named: [...document.querySelectorAll('link[rel="modulepreload"]')].map(({ href }) => href),
  }));
  assert.ok(loaded.length > 40, String(loaded.length));
  assert.deepEqual(loaded.filter((name) => !named.includes(name)), []);
});

test("the first stop of the keyboard skips to the content", async (t) => {
  const page = await open(t);
  await tabTo(page, ".skip", 1);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
});

test("the page speaks the browser's language, and the chosen one from then on", async (t) => {
  const page = await open(t, { locale: "it-IT" });
  assert.equal(await page.getAttribute("html", "lang"), "it");
  await page.selectOption("#header select", "de");
  await page.waitForSelector('html[lang="de"]');
  await page.reload();
  await page.waitForSelector('html[lang="de"]');
});

test("a chosen theme wins over the system's", async (t) => {
  const page = await open(t, { scheme: "dark" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.click('#header button[aria-label^="Theme"]');
  assert.notEqual(await background(), dark);
  await page.reload();
  await page.waitForSelector("h1");
  assert.notEqual(await background(), dark);
});

test("a key is kept for the session of the tab alone", async (t) => {
  const page = await open(t);
  await page.click(".key-button");
  await page.fill("dialog input", "hm_secret");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog", { state: "detached" });
  assert.match(await page.textContent(".key-button"), /in use/);
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.waitForSelector("h1");
  assert.doesNotMatch(await other.textContent(".key-button"), /in use/);
  assert.equal(await other.evaluate(() => JSON.stringify(localStorage).includes("hm_secret")), false);
});

test("the languages have the same texts with the same placeholders", () => {
  const flat = (texts, path = "") =>
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "object" ? flat(value, `${path}${key}.`) : [`${path}${key} ${[...value.matchAll(/\{\w+\}/g)].map(String).sort()}`],
    );
  const folder = process.env.HUEMILL_WEB ?? new URL("../../web", import.meta.url).pathname;
  const [en, de, it] = ["en", "de", "it"].map((tag) => flat(JSON.parse(readFileSync(`${folder}/texts/${tag}.json`, "utf8"))).sort());
  assert.deepEqual(de, en);
  assert.deepEqual(it, en);
});

test("axe finds nothing in the header and the key's dialog, in any look", async (t) => {
  const page = await open(t);
  await inEachLook(page, async (look) => assert.equal(await scrollsSideways(page), false, look));
  await page.click(".key-button");
  await inEachLook(page, async (look) => {
    assert.equal(await page.isVisible("dialog[open]"), true, look);
    assert.deepEqual(await findings(page), [], look);
  });
});
