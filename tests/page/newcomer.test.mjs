// A newcomer's first minutes: opens the page, opens a photo, copies a colour, saves a card, sends a folder, and sees it end.
// Once as people with a mouse do it, and once by keyboard alone.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { open, tabTo, until } from "./browser.mjs";
import { picture } from "./pictures.mjs";
import { clipboard, drop, palette, shown } from "./studio.mjs";

const COUNT = 7;
const CARD = '.card-item[data-kind="og"]';

/** A photo and a folder of photos on the disk of the newcomer. */
function photos(t) {
  const folder = mkdtempSync(join(tmpdir(), "huemill-newcomer-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "holiday", "beach"), { recursive: true });
  writeFileSync(join(folder, "photo.png"), picture(1, 640, 480));
  for (let index = 0; index < COUNT; index++) {
    writeFileSync(join(folder, "holiday", index % 2 ? "beach" : "", `photo-${index}.png`), picture(index + 2, 160, 120));
  }
  return { photo: join(folder, "photo.png"), holiday: join(folder, "holiday") };
}

/** The card is a picture of the size that its kind has. */
function assertCard(bytes, width, height) {
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [width, height]);
}

/** The job of the folder is done, and all its results are there. */
async function assertEnded(page) {
  await page.waitForSelector(".results h2:focus");
  assert.equal(await page.locator(".tile").count(), COUNT);
  const names = await page.locator(".tile-name").allTextContents();
  assert.ok(names.some((name) => name.endsWith("beach/photo-1.png")), names.join());
}

test("with a mouse", async (t) => {
  const { photo, holiday } = photos(t);
  const page = await open(t);
  await drop(page, [photo]);
  await shown(page, "photo.png");

  await page.locator(".swatches.palette .swatch").nth(2).click();
  const [, , third] = await palette(page);
  await until("the colour is copied", async () => (await clipboard(page)) === third);

  await page.$eval(".cards-panel", (panel) => panel.scrollIntoView());
  const [card] = await Promise.all([page.waitForEvent("download"), page.click(`${CARD} button.small`)]);
  assertCard(readFileSync(await card.path()), 1200, 630);

  await drop(page, [holiday]);
  await page.click(".offer .primary");
  await page.waitForSelector(".chosen-sum");
  await page.click(".start");
  await assertEnded(page);
});

test("by keyboard alone", async (t) => {
  const { photo, holiday } = photos(t);
  const page = await open(t);
  const press = async (selector, key = "Enter") => {
    await tabTo(page, selector, 150);
    await page.keyboard.press(key);
  };
  const choose = async (selector, path) => {
    const chooser = page.waitForEvent("filechooser");
    await press(selector);
    await (await chooser).setFiles(path);
  };
  await choose(".choose", photo);
  await shown(page, "photo.png");

  await tabTo(page, ".swatches.palette .swatch");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const [, second] = await palette(page);
  await until("the colour is copied", async () => (await clipboard(page)) === second);

  // A card loads when it comes into sight, which the focus brings about.
  await tabTo(page, `${CARD} .card-frame`, 150);
  await page.waitForSelector(`${CARD} button.small:not([disabled])`);
  await tabTo(page, `${CARD} button.small`, 1);
  const [card] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assertCard(readFileSync(await card.path()), 1200, 630);

  await press('#header a[data-view="batches"]');
  await page.waitForSelector(".batches h1:focus");
  await choose(".choose-folder", holiday);
  await page.waitForSelector(".chosen-sum");
  await press(".start");
  await assertEnded(page);
});
