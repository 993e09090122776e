// A real Chromium for the tests of the page. `open` gives a page of its own; whatever its console, its scripts or its
// policy complain of is a failure at the end of the test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { after } from "node:test";
import { chromium } from "playwright-core";

/** Where the service is. Tests run against a real one. */
export const SERVICE = process.env.HUEMILL_URL ?? "http://127.0.0.1:8080";
/** The operator token of the service. */
export const OPERATOR_TOKEN = process.env.HUEMILL_OPERATOR_TOKEN ?? "";
/** Another real service, which wants keys; the operator token is the same. */
export const SERVICE_WITH_KEYS = process.env.HUEMILL_URL_WITH_KEYS ?? "";
/** The first service behind a proxy with a path prefix; it ends with a slash. */
export const SERVICE_WITH_PREFIX = await behindPrefix("/tools/colours");

/** A proxy that serves the service below a path, as many front ends do. It ends with the tests. */
async function behindPrefix(prefix) {
  const { hostname, port } = new URL(SERVICE);
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith(`${prefix}/`)) return void answer.writeHead(404).end();
    const { method, headers } = asked;
    const path = asked.url.slice(prefix.length);
    const forwarded = request({ hostname, port, path, method, headers }, (found) => {
      answer.writeHead(found.statusCode, found.headers);
      found.pipe(answer);
    });
    forwarded.on("error", () => answer.destroy());
    answer.on("close", () => forwarded.destroy());
    asked.pipe(forwarded);
  });
  await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
  proxy.unref();
  return `http://127.0.0.1:${proxy.address().port}${prefix}/`;
}

/** A free port of this machine to which the service may send webhooks (`outbound.allow_cidrs`, `outbound.allow_ports`). */
export const RECEIVER_PORT = Number(process.env.HUEMILL_RECEIVER_PORT ?? 4991);

/** Generous: a machine that runs other tests beside these can take its time. */
const DEADLINE = 90_000;
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];

const browser = await chromium.launch({ executablePath: process.env.HUEMILL_CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: ARGUMENTS });
after(() => browser.close());

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Browser contexts by their options. */
const contexts = new Map();
const closePages = (context) => Promise.all(context.pages().map((page) => page.close()));

/**
 * A browser context, and how it is cleaned up after a test. Tests with the same options share one: its cache has the files
 * of the page, which are most of the work of opening it. A context with a fake clock keeps it, so it is not shared.
 */
async function contextOf(options, hasClock) {
  if (hasClock) return { context: await browser.newContext(options), close: (context) => context.close() };
  const key = JSON.stringify(options);
  if (!contexts.has(key)) contexts.set(key, await browser.newContext(options));
  return { context: contexts.get(key), close: closePages };
}

/** Forgets what a context stored of a service in earlier tests. What is kept for the session of a tab went with it. */
async function forget(context, page, url) {
  await context.clearCookies();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.clearDataForOrigin", { origin: new URL(url).origin, storageTypes: "cookies,local_storage,indexeddb,service_workers,cache_storage" });
  await devtools.detach();
}

/**
 * Opens the page as somebody who was never there, and closes it when the test ends.
 *
 * Options: `path` behind the service's address ("#/batches"), `url` of another service, `width`, `height`, `scheme`
 * ("light", "dark"), `locale`, `expected`: patterns of console errors that the test provokes (a 4xx is one in Chromium), `hasClock`: whether the test
 * may turn the page's clock forward.
 */
export async function open(t, { path = "", url = `${SERVICE}/`, width = 1280, height = 900, scheme = "light", locale = "en-US", expected = [], permissions = ["clipboard-read", "clipboard-write"], hasClock = false, ...more } = {}) {
  const { context, close } = await contextOf({ viewport: { width, height }, colorScheme: scheme, locale, permissions, acceptDownloads: true, ...more }, hasClock);
  const page = await context.newPage();
  if (close === closePages) await forget(context, page, url);
  page.setDefaultTimeout(DEADLINE);
  if (hasClock) await page.clock.install();
  const complaints = [];
  const complain = (text) => expected.some((pattern) => pattern.test(text)) || complaints.push(text);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complain(message.text()));
  page.on("pageerror", (error) => complain(String(error)));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  t.after(async () => {
    // What a test still wants to answer is no failure when it is over.
    if (!page.isClosed()) await page.unrouteAll({ behavior: "ignoreErrors" });
    await close(context);
    assert.deepEqual(complaints, []);
  });
  await page.goto(url + path);
  await page.waitForSelector("h1");
  return page;
}

/** What axe finds on a page as it is now; an empty list is what tests want. */
export async function findings(page) {
  // The policy of the page forbids scripts of others; the debugger's are not the page's.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    // Descriptions of the rules that passed would be most of the work.
    const { violations } = await globalThis.axe.run(document, { runOnly, resultTypes: ["violations"], preload: false });
    return violations;
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 5).map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

/** Presses Tab until an element matches, as someone without a mouse does; fails after so many presses. */
export async function tabTo(page, selector, presses = 80) {
  for (let press = 0; press < presses; press++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector)) return;
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

/** Whether a page is wider than its window. */
export const scrollsSideways = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

/** Waits until a condition holds. */
export async function until(what, condition, deadline = DEADLINE) {
  for (const end = Date.now() + deadline; Date.now() < end; ) {
    const value = await condition();
    if (value) return value;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  throw new Error(`this did not happen: ${what}`);
}

/** The looks in which axe visits each state: both colours and both widths once, and each with each in the long form (`make page`). */
export const LOOKS = [
  { scheme: "light", width: 320 },
  { scheme: "dark", width: 1440 },
  ...(process.env.HUEMILL_PAGE_LOOKS === "all" ? [{ scheme: "light", width: 1440 }, { scheme: "dark", width: 320 }] : []),
];

/** Shows a page as it is now in each of the looks, one after the other, and does something in each. */
export async function inEachLook(page, check) {
  for (const { scheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForFunction(({ scheme, width }) => innerWidth === width && matchMedia(`(prefers-color-scheme: ${scheme})`).matches, { scheme, width });
    await check(`${scheme}, ${width} px`);
  }
}

/** Nothing is wrong in any look with what a page shows now, which `shown` is a part of. */
export const looksRight = (page, state, shown) =>
  inEachLook(page, async (look) => {
    assert.equal(await page.locator(shown).first().isVisible(), true, `${shown} is shown: ${state}, ${look}`);
    assert.equal(await scrollsSideways(page), false, `${state} scrolls sideways, ${look}`);
    assert.deepEqual(await findings(page), [], `${state}, ${look}`);
  });
