// The options of the Studio: each does what it says, none is ever refused, and the curl lines do the same as the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { open, tabTo, until } from "./browser.mjs";
import { picture } from "./pictures.mjs";
import { choose, clipboard, idle, palette, recordForms } from "./studio.mjs";

/** The fields of the last request for palette and crop, whose answer has the chosen card too. */
const last = (forms, chosen = "palette") => forms.filter(({ fields }) => (fields.card ?? "palette") === chosen).at(-1)?.fields;

test("the number of colours changes the palette, and what is out of date is not awaited", async (t) => {
  const page = await open(t, { hasClock: true });
  const forms = await recordForms(page);
  await choose(page);
  await tabTo(page, ".range input");
  // The page's clock stands, so that the presses follow each other without a pause on a busy machine, too.
  await page.clock.pauseAt(Date.now() + 60_000);
  for (let press = 0; press < 5; press++) await page.keyboard.press("ArrowLeft");
  await page.clock.resume();
  await until("five colours", async () => (await palette(page)).length === 5);
  assert.equal(last(forms)?.colors, "5");
  assert.ok(forms.filter(({ fields }) => fields.card === undefined).length <= 3, "forms wait for a pause");
  assert.equal(await page.evaluate(() => document.activeElement.matches(".range input")), true);
});

test("options that have no effect are neither offered nor sent", async (t) => {
  const page = await open(t);
  const forms = await recordForms(page);
  await choose(page);
  assert.equal(await page.isVisible("label:text-is('JPEG quality')"), false);
  await page.uncheck(".check input");
  await until("without faces", () => last(forms)?.faces === "off");
  await page.check(".settings input[name][value=classic] >> nth=1");
  await until("classic crop", () => last(forms)?.crop === "classic");
  assert.equal(last(forms)?.faces, undefined);
  assert.equal(await page.isDisabled(".check input"), true);
  await page.click(".surface");
  await until("focus", () => last(forms)?.focus !== undefined);
  assert.equal(last(forms)?.crop, undefined);
  await page.check('.settings input[value="jpeg"]');
  assert.equal(await page.isVisible("label:text-is('JPEG quality')"), true);
  await page.selectOption(".settings select >> nth=1", "crop");
  await page.check('.settings input[value="dark"]');
  await page.check('.settings input[value="webp"]');
  await page.$eval(".cards", (cards) => cards.scrollIntoView());
  await until("all cards are loaded", async () => (await page.$$('.card-frame[aria-busy="false"]')).length === 6);
  assert.equal(await page.$(".problem"), null);
  await page.click(".focus-row button");
  await idle(page);
  await page.click(".reset");
  // What was found with these options is known, so nothing is sent; the curl lines say what is shown.
  await until("all is as at first", async () => /^curl -F 'image=@a picture\.png' -F card=none \S+$/.test(await page.textContent(".commands-panel pre >> nth=0")));
  assert.match(await page.textContent(".commands-panel pre >> nth=1"), /-F 'image=@a picture\.png' http/);
});

test("another aspect can be typed, and one that is none is not sent", async (t) => {
  const page = await open(t);
  const forms = await recordForms(page);
  await choose(page);
  await page.selectOption(".settings select >> nth=0", "other");
  await page.keyboard.type("0:4");
  await page.waitForSelector('.settings input[aria-invalid="true"]');
  await page.keyboard.press("Control+A");
  await page.keyboard.type("2.39:1");
  await until("the aspect is sent", () => last(forms)?.aspect === "2.39:1");
  await idle(page);
  const { width, height } = await page.$eval(".marks .crop .line", (line) => ({ width: Number(line.getAttribute("width")), height: Number(line.getAttribute("height")) }));
  assert.ok(Math.abs(width / height - 2.39) < 0.05);
  assert.equal(forms.some(({ fields }) => fields.aspect === "0:4"), false);
});

test("options stay for the next picture, except the focus", async (t) => {
  const page = await open(t);
  const forms = await recordForms(page);
  await choose(page);
  await page.check(".settings input[value=classic] >> nth=0");
  await page.click(".surface");
  await until("both are sent", () => last(forms)?.focus && last(forms)?.palette === "classic");
  await choose(page, "next.png", picture(2));
  assert.deepEqual(last(forms), { palette: "classic" });
});

test("the curl lines work in a shell, whatever the file is called", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "curl-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const page = await open(t);
  const name = `it's "odd"; $(touch no), \\ä.png`;
  writeFileSync(join(folder, name), picture(6));
  await choose(page, name, picture(6));
  await page.check(".settings input[value=dark]");
  await page.selectOption(".settings select >> nth=0", "1.91:1");
  await page.selectOption(".settings select >> nth=1", "og");
  await until("the line follows", async () => /card=og/.test(await page.textContent(".commands-panel")));
  await idle(page);
  const [analysis, card] = await page.$$eval(".commands-panel pre", (lines) => lines.map((line) => line.textContent));
  const run = (line) => execFileSync("sh", ["-c", line], { cwd: folder, stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1e8 });
  assert.deepEqual(JSON.parse(run(analysis)).colors.map(({ hex }) => hex), await palette(page));
  run(card);
  const bytes = readFileSync(join(folder, `${name.replace(/\.png$/, "")}-og.png`));
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1200, 630]);
  await page.click(".commands-panel .command:nth-of-type(1) button");
  assert.equal(await clipboard(page), analysis);
});
