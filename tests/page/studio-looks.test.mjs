// The Studio in light and dark, on a phone and on a large screen: nothing for axe to find, nothing beside the window.
import assert from "node:assert/strict";
import { test } from "node:test";
import { looksRight, open, scrollsSideways } from "./browser.mjs";
import { damaged, picture } from "./pictures.mjs";
import { choose, file } from "./studio.mjs";

test("the start, the offer and a problem look right", async (t) => {
  const page = await open(t, { expected: [/status of 422/] });
  await looksRight(page, "the start", ".drop-title");
  await page.setInputFiles(".intake input[type=file]", [file("a.png", picture(1)), file("b.png", picture(2))]);
  await page.waitForSelector(".offer button");
  await looksRight(page, "the offer", ".offer button");
  await page.setInputFiles(".intake input[type=file]", file("broken.png", damaged()));
  await page.waitForSelector(".problem");
  await looksRight(page, "a problem", ".problem");
});

test("a result looks right", async (t) => {
  const page = await open(t);
  await choose(page, "a_rather_long_name_without_any_place_to_break_it_into_lines.png");
  await page.$eval(".settings", (settings) => void (settings.open = true));
  await page.check(".settings input[value=jpeg]");
  await page.click(".surface");
  await page.$eval(".cards-panel", (panel) => panel.scrollIntoView());
  await page.waitForSelector('[data-kind="palette"] [aria-busy="false"]');
  await page.$eval(".exports-panel", (panel) => panel.scrollIntoView());
  await page.waitForSelector('.preview[aria-busy="false"]');
  await looksRight(page, "a result", ".settings[open] input[value=jpeg]");
});

test("in German and Italian nothing is wider than a phone", async (t) => {
  for (const locale of ["de-DE", "it-IT"]) {
    const page = await open(t, { width: 320, locale });
    await choose(page);
    assert.equal(await scrollsSideways(page), false);
    await page.$eval(".settings", (settings) => void (settings.open = true));
    assert.equal(await scrollsSideways(page), false);
  }
});

test("twenty colours fit on a phone and on a very large screen", async (t) => {
  for (const width of [320, 3840]) {
    const page = await open(t, { width });
    await choose(page, "many.png", picture(9));
    await page.$eval(".settings", (settings) => void (settings.open = true));
    await page.fill(".range input >> nth=0", "20");
    await page.waitForSelector(".swatches.palette .swatch:nth-child(20)");
    assert.equal(await scrollsSideways(page), false);
  }
});
