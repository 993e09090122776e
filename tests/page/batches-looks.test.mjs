// Batches: how each state looks, to axe and on a narrow window.
import { test } from "node:test";
import { BATCHES, ended, start } from "./batches.mjs";
import { looksRight, open } from "./browser.mjs";
import * as pictures from "./pictureserver.mjs";
import { addressOf } from "./pictureserver.mjs";

/** Chromium logs each answer that is an error, also where the page expects it. */
const NOT_FOUND = /status of 404/;

const slow = (count) => Array.from({ length: count }, (_, at) => addressOf(`slow/${at + 1}.png`));
const quick = (count) => Array.from({ length: count }, (_, at) => addressOf(`${at + 1}.png`));

test("axe finds nothing in any state, in any look", async (t) => {
  const page = await open(t, { ...BATCHES, expected: [NOT_FOUND] });
  await looksRight(page, "empty", ".new-job");
  const files = Array.from({ length: 3 }, (_, at) => ({ name: `a-rather-long-name-of-a-picture-from-the-sea-${at}.png`, mimeType: "image/png", buffer: Buffer.from("x") }));
  await page.setInputFiles('[data-choose="files"]', [...files, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") }]);
  for (const summary of await page.locator(".new-job summary").all()) await summary.click();
  await page.fill(".new-job textarea", `${addressOf("1.png")}\nno address`);
  await looksRight(page, "chosen", ".chosen-files");
  await page.click(".chosen-clear");
  pictures.hold(t);
  await start(page, [addressOf("damaged.png"), ...quick(12), ...slow(3)]);
  await page.waitForSelector(".tile.is-failure");
  await page.waitForSelector(".tile:not(.is-failure)");
  await looksRight(page, "in progress", ".job-progress progress");
  await page.click(".cancel-job");
  await looksRight(page, "question", "dialog.confirm");
  await page.keyboard.press("Escape");
  pictures.release();
  await ended(page);
  await looksRight(page, "results", ".results h2");
  await page.click(".export");
  await looksRight(page, "menu", '[data-format="css"]');
  await page.keyboard.press("Escape");
  await page.click(".tile-card a");
  await page.waitForSelector(".viewer[open]");
  await looksRight(page, "large card", ".viewer[open]");
  await page.keyboard.press("Escape");
  await page.click(".filter-failed");
  await looksRight(page, "failed alone", ".tile.is-failure");
  await page.click(".back");
  await page.waitForSelector(".jobs");
  await looksRight(page, "list", ".jobs");
  await page.goto(page.url().replace(/#.*/, `#/batches/job_018c0000000000112233445566778899aabbccddeeff`));
  await page.waitForSelector(".gone");
  await looksRight(page, "gone", ".gone");
});
