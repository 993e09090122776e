// Batches: how each state looks, to axe and on a narrow window.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCHES, ended, start } from "./batches.mjs";
import { findings, LOOKS, open, scrollsSideways } from "./browser.mjs";
import { addressOf, pictureServer } from "./pictureserver.mjs";

/** Chromium logs each answer that is an error, also where the page expects it. */
const NOT_FOUND = /status of 404/;

const pictures = pictureServer();
const slow = (count) => Array.from({ length: count }, (_, at) => addressOf(`slow/${at + 1}.png`));
const quick = (count) => Array.from({ length: count }, (_, at) => addressOf(`${at + 1}.png`));

for (const look of LOOKS) {
  test(`axe finds nothing in any state (${look.scheme}, ${look.width} px)`, async (t) => {
    const page = await open(t, { ...BATCHES, ...look, reducedMotion: "reduce", expected: [NOT_FOUND] });
    const check = async (state) => {
      assert.deepEqual(await findings(page), [], state);
      assert.equal(await scrollsSideways(page), false, state);
    };
    await check("empty");
    const files = Array.from({ length: 3 }, (_, at) => ({ name: `a-rather-long-name-of-a-picture-from-the-sea-${at}.png`, mimeType: "image/png", buffer: Buffer.from("x") }));
    await page.setInputFiles('[data-choose="files"]', [...files, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") }]);
    for (const summary of await page.locator(".new-job summary").all()) await summary.click();
    await page.fill(".new-job textarea", `${addressOf("1.png")}\nno address`);
    await check("chosen");
    await page.click(".chosen-clear");
    pictures.hold(t);
    await start(page, [addressOf("damaged.png"), ...quick(12), ...slow(3)]);
    await page.waitForSelector(".tile.is-failure");
    await page.waitForSelector(".tile:not(.is-failure)");
    await check("in progress");
    await page.click(".cancel-job");
    await check("question");
    await page.keyboard.press("Escape");
    pictures.release();
    await ended(page);
    await check("results");
    await page.click(".export");
    await check("menu");
    await page.keyboard.press("Escape");
    await page.click(".tile-card a");
    await page.waitForSelector(".viewer[open]");
    await check("large card");
    await page.keyboard.press("Escape");
    await page.click(".filter-failed");
    await check("failed alone");
    await page.click(".back");
    await page.waitForSelector(".jobs");
    await check("list");
    await page.goto(page.url().replace(/#.*/, `#/batches/job_018c0000000000112233445566778899aabbccddeeff`));
    await page.waitForSelector(".gone");
    await check("gone");
  });
}
