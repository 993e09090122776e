// Batches: from files, folders and archives to jobs and their results.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BATCHES, choose, ended, png, some, withoutCards } from "./batches.mjs";
import { open, SERVICE_WITH_PREFIX, tabTo, until } from "./browser.mjs";
import { damaged, picture, zip } from "./pictures.mjs";

/** A folder on this machine that is gone after the test. */
function folder(t, files) {
  const path = mkdtempSync(join(tmpdir(), "huemill-page-"));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  return path;
}

/** Drops files or folders, as from a file manager. */
async function drop(page, paths, place = ".drop") {
  const session = await page.context().newCDPSession(page);
  const box = await page.locator(place).boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + 10, data: { items: [], files: paths, dragOperationsMask: 1 } };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, ...at });
}

async function saved(page, action) {
  const [download] = await Promise.all([page.waitForEvent("download"), action()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test("files become a job whose cards, palettes and archive can be saved", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, [...some(6), { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") }]);
  assert.match(await page.textContent(".chosen-sum"), /6 pictures/);
  assert.match(await page.textContent(".left-out"), /1 file is left out.*notes\.txt.*not a picture/s);
  await page.click(".start");
  await ended(page);
  assert.match(page.url(), /#\/batches\/job_/);
  assert.match(await page.title(), /^Done · p1\.png \+ 5 · Batches/);
  assert.equal(await page.locator(".tile").count(), 6);
  assert.equal(await page.locator(".tile-name").first().textContent(), "p1.png");
  await page.waitForFunction(() => document.querySelector(".tile img")?.naturalWidth === 1096);

  const card = await saved(page, () => page.click('.tile a:text("Save card")'));
  assert.equal(card.bytes.subarray(1, 4).toString(), "PNG");
  assert.match(card.name, /^p1.*\.png$/);
  const all = await saved(page, () => page.click(".download-all"));
  assert.equal(all.bytes.subarray(0, 2).toString(), "PK");
  const css = await saved(page, async () => {
    await page.click(".export");
    await page.click('[data-format="css"]');
  });
  assert.equal(css.name, "p1.palette.css");
  assert.match(css.bytes.toString(), /--color-/);
});

test("a colour is copied by a click and by the keyboard", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, some(1));
  await page.click(".start");
  await ended(page);
  const hexes = await page.locator(".swatch").evaluateAll((all) => all.map(({ dataset }) => dataset.hex));
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.click(".swatch");
  await until("the first colour is copied", async () => (await clipboard()) === hexes[0]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await until("the second colour is copied", async () => (await clipboard()) === hexes[1]);
  await page.waitForFunction((hex) => document.getElementById("announcer")?.textContent?.includes(hex), hexes[1]);
});

test("a dropped folder is read to its end, with its folders, and becomes several jobs", async (t) => {
  const names = Array.from({ length: 230 }, (_, at) => `holiday/${at % 2 ? "day 1" : "day 2/night"}/n${at}.png`);
  const path = folder(t, { ...Object.fromEntries(names.map((name, at) => [name, picture(at, 24, 18)])), "holiday/readme.md": "x", "holiday/empty.jpg": "" });
  const page = await open(t, BATCHES);
  await drop(page, [join(path, "holiday")]);
  await page.waitForSelector(".chosen-sum");
  assert.match(await page.textContent(".chosen-sum"), /^230 pictures/);
  assert.match(await page.textContent(".left-out"), /2 files are left out.*empty\.jpg.*empty.*readme\.md/s);
  assert.match(await page.textContent(".limit"), /up to 200 pictures/);
  assert.equal(await page.textContent(".start"), "Start 2 jobs");
  assert.equal(await page.textContent(".start-first"), "Only the first 200 pictures");
  await page.click(".start");
  await page.waitForSelector(".job-list h2:focus");
  assert.deepEqual(await page.locator(".jobs .job-line a").allTextContents(), ["holiday/day 2/night", "holiday"]);
  assert.match(await page.textContent(".jobs"), /30 pictures.*200 pictures/s);
});

test("a folder of more than a hundred files keeps the paths as names", async (t) => {
  const names = Array.from({ length: 130 }, (_, at) => `set/${at < 10 ? "few/" : ""}n${at}.png`);
  const path = folder(t, Object.fromEntries(names.map((name, at) => [name, picture(at, 24, 18)])));
  const page = await open(t, BATCHES);
  await page.setInputFiles('[data-choose="folder"]', join(path, "set"));
  await page.waitForSelector(".chosen-sum");
  await withoutCards(page);
  await page.click(".start");
  await ended(page);
  await until("all tiles are there", async () => (await page.locator(".tile").count()) === 130);
  const shown = await page.locator(".tile-name").allTextContents();
  assert.deepEqual(shown.sort(), names.sort());
});

test("a card is shown large, with its neighbours, and the focus returns to it", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, some(3));
  await page.click(".start");
  await ended(page);
  await tabTo(page, ".tile-card a");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".viewer[open]");
  await page.waitForFunction(() => document.querySelector(".viewer img").naturalWidth === 1096);
  assert.equal(await page.textContent(".viewer-place"), "1 of 3");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.textContent(".viewer-name"), "p3.png");
  await page.keyboard.press("Escape");
  await page.waitForSelector('.tile[data-index="2"] .tile-card a:focus');
});

test("files that are too large are named and can be left out", async (t) => {
  const path = folder(t, { "huge.png": "", "small.png": picture(1, 24, 18) });
  truncateSync(join(path, "huge.png"), 51 * 2 ** 20);
  const page = await open(t, BATCHES);
  await page.setInputFiles('[data-choose="files"]', [join(path, "huge.png"), join(path, "small.png")]);
  assert.match(await page.textContent(".too-large"), /huge\.png.*over 50 MB/);
  await page.click(".drop-large");
  assert.equal(await page.locator(".too-large").count(), 0);
  await page.click(".start");
  await ended(page);
  assert.equal(await page.locator(".tile").count(), 1);
});

test("an archive says before it is sent how many pictures it has", async (t) => {
  const page = await open(t, BATCHES);
  const entry = picture(1, 4, 3);
  const files = (count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`d/${at}.png`, entry]));
  await choose(page, [
    { name: "few.zip", mimeType: "application/zip", buffer: zip({ ...files(3), "read.me": Buffer.from("x"), "__MACOSX/._0.png": Buffer.from("x") }) },
    { name: "many.zip", mimeType: "application/zip", buffer: zip(files(201)) },
  ]);
  await page.waitForSelector(".zip-limit");
  assert.match(await page.textContent(".plan-jobs"), /few\.zip · 1 ZIP, 3 pictures.*many\.zip · 1 ZIP, 201 pictures/s);
});

test("a ZIP becomes a job, and damaged pictures fail alone with the request id to quote", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, [{ name: "album.zip", mimeType: "application/zip", buffer: zip({ "a/1.png": picture(1, 60, 40), "b.png": damaged(2), "c.png": picture(3, 60, 40), "read.me": Buffer.from("x") }) }]);
  await page.click(".start");
  await ended(page);
  assert.equal(await page.textContent(".job-name"), "album.zip");
  assert.deepEqual(await page.locator(".tile-name").allTextContents(), ["a/1.png", "b.png", "c.png"]);
  const failure = page.locator(".tile.is-failure");
  assert.match(await failure.textContent(), /b\.png.*damaged.*PROCESSING_ERROR/s);
  const id = await page.locator(".failure-note .request-id").textContent();
  assert.match(await failure.textContent(), new RegExp(id));
  await page.click(".filter-failed");
  assert.equal(await page.locator(".tile:visible").count(), 1);
  await page.click(".filter-all");
  assert.equal(await page.locator(".tile:visible").count(), 3);
});

test("a job without any result says why", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, [png("x.png", damaged(1)), png("y.png", damaged(2))]);
  await page.click(".start");
  await ended(page);
  assert.equal(await page.getAttribute(".job-head .badge", "data-status"), "failed");
  assert.match(await page.textContent(".job-sum"), /damaged/);
  assert.equal(await page.locator(".tile.is-failure").count(), 2);
  assert.equal(await page.locator(".download-all").count(), 0);
});

test("options are sent if they differ from the default and have an effect", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, some(1));
  await page.click(".options summary");
  await page.fill('[name="colors"]', "30");
  await page.click(".start");
  assert.equal(await page.evaluate(() => document.activeElement?.name), "colors");
  await page.fill('[name="colors"]', "4");
  await page.selectOption('[name="theme"]', "dark");
  await page.selectOption('[name="card"]', "none");
  assert.equal(await page.isDisabled('[name="theme"]'), true);
  await page.fill('[name="ttl_h"]', "2");
  await page.selectOption('[name="priority"]', "low");
  await page.click(".start");
  await ended(page);
  assert.equal(await page.locator(".swatch").count(), 4);
  assert.equal(await page.locator(".tile img, .tile a.button").count(), 0);
});

test("the keyboard alone goes from addresses to the list of jobs", async (t) => {
  const page = await open(t, BATCHES);
  await choose(page, some(1));
  await tabTo(page, ".chosen-files summary");
  await page.keyboard.press("Enter");
  await tabTo(page, ".chosen-files .remove");
  await tabTo(page, ".options summary");
  await page.keyboard.press("Enter");
  await tabTo(page, '[name="colors"]');
  await page.keyboard.type("5");
  await tabTo(page, ".start");
  await page.keyboard.press("Enter");
  await ended(page);
  await tabTo(page, ".swatch");
  await tabTo(page, ".export");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-format="css"]:focus');
  await page.keyboard.press("ArrowDown");
  const scss = await saved(page, () => page.keyboard.press("Enter"));
  assert.equal(scss.name, "p1.palette.scss");
  await page.waitForSelector(".export:focus");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".export:focus");
  await page.keyboard.press("Shift+Tab");
  await page.evaluate(() => document.querySelector(".job-name")?.focus());
  await tabTo(page, ".delete-job");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog.confirm button:focus");
  await tabTo(page, "dialog.confirm .danger", 3);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".overview h1:focus");
  assert.match(await page.textContent(".job-list"), /No jobs yet/);
});

test("files that are pasted, or dropped beside the zone, are taken", async (t) => {
  const page = await open(t, BATCHES);
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["x"], "pasted.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  });
  await page.waitForSelector(".chosen-sum");
  const path = folder(t, { "dropped.png": picture(1, 24, 18) });
  await drop(page, [join(path, "dropped.png")], "#header");
  await until("both are chosen", async () => /2 pictures/.test(await page.textContent(".chosen-sum")));
});

test("files of another view wait in the form", async (t) => {
  const page = await open(t);
  await page.evaluate(async () => {
    const assets = document.querySelector("script[src]").src.replace(/app\.js$/, "");
    const { handOver } = await import(`${assets}lib/handover.js`);
    handOver([{ file: new File(["x"], "given.png", { type: "image/png" }), path: "given.png" }], "batches");
  });
  await page.waitForSelector(".chosen-sum");
  assert.match(await page.textContent(".chosen-files"), /given\.png/);
});

test("everything works behind a path prefix", async (t) => {
  const page = await open(t, { ...BATCHES, url: SERVICE_WITH_PREFIX });
  await choose(page, some(6));
  await page.click(".start");
  await ended(page);
  await page.waitForFunction(() => document.querySelector(".tile img")?.naturalWidth > 0);
  const all = await saved(page, () => page.click(".download-all"));
  assert.equal(all.bytes.subarray(0, 2).toString(), "PK");
});
