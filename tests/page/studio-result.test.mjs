// What the Studio shows of a picture, and what can be done with it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open, SERVICE, tabTo, until } from "./browser.mjs";
import { picture } from "./pictures.mjs";
import { processed } from "./service.mjs";
import { choose, clipboard, idle, palette, recordForms } from "./studio.mjs";

/** What the service says of a picture. */
const analysis = (bytes, fields) => processed(SERVICE, bytes, fields);

/** Puts a panel into sight, so that it loads what it shows. */
const see = (page, selector) => page.$eval(selector, (element) => element.scrollIntoView({ block: "center" }));

/** A file that a click saves. */
async function saved(page, selector) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test("swatches show what the service found: colours, names, shares", async (t) => {
  const page = await open(t);
  await choose(page, "a.png", picture(4));
  const { colors } = await analysis(picture(4));
  assert.deepEqual(await palette(page), colors.map(({ hex }) => hex));
  const names = await page.$$eval(".swatches.palette .swatch-name", (names) => names.map((name) => name.textContent));
  assert.deepEqual(names, colors.map(({ name }) => name));
  const notes = await page.$$eval(".swatches.palette .swatch-note", (notes) => notes.map((note) => note.textContent));
  assert.equal(notes.filter((note) => note === "added").length, colors.filter(({ derived }) => derived).length);
});

test("a click copies a colour in the chosen format, and says so", async (t) => {
  const page = await open(t);
  await choose(page);
  const [{ hex, rgb, oklch, name }] = (await analysis(picture(1))).colors;
  const { l, c, h } = oklch;
  const expected = {
    hex,
    rgb: `rgb(${rgb.join(" ")})`,
    oklch: `oklch(${Number((l * 100).toFixed(2))}% ${Number(c.toFixed(4))} ${Number(h.toFixed(1))})`,
    css: `--color-${name.replaceAll(" ", "-")}: ${hex};`,
  };
  for (const [format, text] of Object.entries(expected)) {
    await page.check(`.palette-panel input[value="${format}"]`);
    await page.click(".swatches.palette .swatch:first-child");
    await page.waitForSelector(".swatch.copied");
    assert.equal(await clipboard(page), text);
    await until("it is announced", async () => (await page.textContent("#announcer")) === `Copied: ${text}`);
  }
});

test("the keyboard moves among swatches and copies by a letter", async (t) => {
  const page = await open(t);
  await choose(page);
  const { colors } = await analysis(picture(1));
  await tabTo(page, ".swatches.palette .swatch");
  const focused = () => page.evaluate(() => document.activeElement.dataset.hex);
  assert.equal(await focused(), colors[0].hex);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), colors[2].hex);
  await page.keyboard.press("End");
  assert.equal(await focused(), colors.at(-1).hex);
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), colors[0].hex);
  const copies = [["Enter", /^#/], ["r", /^rgb\(/], ["o", /^oklch\(/], ["v", /^--color-/], ["h", /^#/], ["c", /^#/]];
  for (const [key, pattern] of copies) {
    await page.evaluate(() => navigator.clipboard.writeText(""));
    await page.keyboard.press(key);
    await until(`${key} copies`, async () => pattern.test(await clipboard(page)));
  }
  // One stop of the Tab key for all swatches.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.matches(".swatches.palette .swatch")), false);
});

test("all colours are copied at once, with the properties of the CSS export", async (t) => {
  const page = await open(t);
  await choose(page, "a.png", picture(5));
  await page.check('.palette-panel input[value="css"]');
  await page.click(".copy-all");
  const lines = (await clipboard(page)).split("\n");
  assert.equal(lines.length, 10);
  await see(page, ".exports-panel");
  await page.waitForSelector('.preview[aria-busy="false"]');
  const css = await page.textContent(".preview");
  for (const line of lines) assert.ok(css.includes(line), line);
});

test("the marks in the picture are those of the service, and each can be hidden", async (t) => {
  const page = await open(t);
  await choose(page);
  const { crop, subject } = await analysis(picture(1));
  const rect = (mark) => page.$eval(`.marks .${mark} .line`, (line) => ["x", "y", "width", "height"].map((name) => Number(line.getAttribute(name))));
  assert.deepEqual(await rect("crop"), [crop.x, crop.y, crop.width, crop.height]);
  assert.deepEqual(await rect("subject"), [subject.x, subject.y, subject.width, subject.height]);
  await page.waitForSelector(".marks .card");
  const { card_crop: card } = await analysis(picture(1), { card: "palette" });
  assert.deepEqual(await rect("card"), [card.x, card.y, card.width, card.height]);
  for (const mark of ["crop", "card", "subject"]) {
    await page.click(`.legend [data-mark="${mark}"]`);
    assert.equal(await page.$(`.marks .${mark}`), null);
    assert.equal(await page.getAttribute(`.legend [data-mark="${mark}"]`, "aria-pressed"), "false");
  }
  assert.equal(await page.$(".marks .shade"), null);
  assert.equal(await page.isDisabled('.legend [data-mark="faces"]'), true);
});

test("a click in the picture sets the focus, and the arrow keys move it", async (t) => {
  const page = await open(t);
  await choose(page);
  const forms = await recordForms(page);
  const { width, height } = await page.locator(".surface").boundingBox();
  await page.click(".surface", { position: { x: width / 4, y: height / 2 } });
  const isAt = (x, y) => forms.some(({ fields }) => {
    const point = (fields.focus ?? "").split(",").map(Number);
    return fields.card === undefined && Math.abs(point[0] - x) < 0.01 && Math.abs(point[1] - y) < 0.01;
  });
  await until("it is processed", () => isAt(0.25, 0.5));
  await page.focus(".surface");
  await page.keyboard.press("Shift+ArrowRight");
  await until("it moves", () => isAt(0.35, 0.5));
  assert.match(await page.getAttribute(".surface", "aria-label"), /35% from the left, 50% from the top/);
  await idle(page);
  assert.equal(await page.isDisabled(".settings .choice:has(input[value=subject]) input >> nth=0"), true);
  assert.equal(await page.isDisabled(".check input"), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible(".focus-point"), false);
  // What was found without a focus is known, so nothing is sent; the curl line says what is shown.
  await until("it is gone", async () => !/focus/.test(await page.textContent(".commands-panel pre")));
});

test("roles and scheme are shown, copied, and their contrasts told", async (t) => {
  const page = await open(t);
  await choose(page);
  const { roles, scheme } = await analysis(picture(1));
  const shownRoles = await page.$$eval(".roles .swatch", (swatches) => swatches.map((swatch) => swatch.dataset.hex));
  assert.deepEqual(shownRoles, Object.values(roles).filter(Boolean).map(({ hex }) => hex));
  for (const theme of ["light", "dark"]) {
    const colors = await page.$$eval(`.theme[data-theme=${theme}] .swatch`, (swatches) => swatches.map((swatch) => swatch.dataset.hex));
    assert.deepEqual(colors, Object.values(scheme[theme]));
    const background = await page.$eval(`.theme[data-theme=${theme}] .specimen`, (specimen) => specimen.style.getPropertyValue("--s-background"));
    assert.equal(background, scheme[theme].background);
  }
  const ratios = await page.$$eval(".ratio-value", (values) => values.map((value) => Number.parseFloat(value.textContent)));
  assert.equal(ratios.length, 10);
  assert.ok(ratios.every((ratio) => ratio >= 3), String(ratios));
  assert.equal(await page.$(".ratios .badge.bad"), null);
  await page.focus(".theme[data-theme=dark] .swatch");
  await page.keyboard.press("v");
  await until("it is copied", async () => (await clipboard(page)) === `--scheme-background: ${scheme.dark.background};`);
});

test("a contrast that is enough for large text and graphics alone says so", async (t) => {
  const page = await open(t);
  const scheme = { background: "#ffffff", surface: "#eeeeee", primary: "#888888", on_primary: "#000000", accent: "#666666", text: "#777777" };
  await page.route("**/process", async (route) => {
    const response = await route.fetch();
    const result = await response.json();
    await route.fulfill({ response, json: { ...result, scheme: { ...result.scheme, light: scheme } } });
  });
  await choose(page);
  const badges = await page.$$eval(".theme[data-theme=light] .ratios li", (rows) => rows.map((row) => row.querySelector(".badge").textContent));
  // Text on the background and on surfaces, text on the primary colour, then the primary colour and the accent themselves.
  assert.deepEqual(badges, ["below AA", "below AA", "AA", "AA large", "AA"]);
  assert.match(await page.textContent(".ratios-hint"), /large text and for graphics/);
});

const SIZES = { palette: [1096, 736], og: [1200, 630], square: [1080, 1080], portrait: [1080, 1350], story: [1080, 1920], crop: [1080, 720] };

test("cards load when they are seen, at one scale, and are saved under the picture's name", async (t) => {
  const page = await open(t, { height: 500 });
  const forms = await recordForms(page);
  await choose(page, "album cover.png");
  await page.waitForSelector('[data-kind="palette"] [aria-busy="false"]');
  assert.equal(forms.some(({ fields }) => fields.card === "story"), false);
  await see(page, ".cards");
  for (const [kind, [width, height]] of Object.entries(SIZES)) {
    await page.waitForSelector(`[data-kind="${kind}"] [aria-busy="false"]`);
    const image = await page.$eval(`[data-kind="${kind}"] img`, async (image) => {
      await image.decode();
      return { width: image.naturalWidth, height: image.naturalHeight, shown: image.getBoundingClientRect().width };
    });
    assert.deepEqual([image.width, image.height], [width, height]);
    assert.match(await page.textContent(`[data-kind="${kind}"] .card-size`), new RegExp(`${width} × ${height}`));
    const scale = await page.$eval(".card-item", (item) => item.getBoundingClientRect().width / 1200);
    assert.ok(Math.abs(image.shown - width * scale) < 1.5, kind);
  }
  const { name, bytes } = await saved(page, '[data-kind="og"] button:text-is("Save")');
  assert.equal(name, "album cover-og.png");
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
});

test("a card is copied as an image, whatever its format", async (t) => {
  const page = await open(t);
  await choose(page);
  await page.check('.settings input[value="jpeg"]');
  await see(page, ".cards");
  await page.waitForSelector('[data-kind="square"] [aria-busy="false"]');
  const { name, bytes } = await saved(page, '[data-kind="square"] button:text-is("Save")');
  assert.equal(name, "a picture-square.jpg");
  assert.equal(bytes.subarray(0, 2).toString("hex"), "ffd8");
  await page.click('[data-kind="square"] button:text-is("Copy")');
  await until("it is announced", async () => /card was copied/.test(await page.textContent("#announcer")));
  const types = await page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
  assert.deepEqual(types, ["image/png"]);
});

test("the chosen card's part is drawn in the picture", async (t) => {
  const page = await open(t);
  await choose(page);
  await see(page, ".cards");
  await page.click('[data-kind="story"] .card-frame');
  const { card_crop: part } = await analysis(picture(1), { card: "story" });
  await until("the part is drawn", () => page.$$eval(".marks .card .line", (lines, width) => lines.some((line) => Number(line.getAttribute("width")) === width), part.width));
  assert.equal(await page.getAttribute('[data-kind="story"] .card-frame', "aria-pressed"), "true");
  assert.match(await page.textContent(".commands-panel .command:last-child"), /card=story/);
});

test("every export is previewed where it is text, copied, and saved", async (t) => {
  const page = await open(t);
  await choose(page, "a.png");
  await see(page, ".exports-panel");
  const starts = { css: ":root", scss: "$", json: "{", "tokens.json": "{", "tailwind.css": "@theme", gpl: "GIMP Palette", svg: "<svg" };
  for (const [format, start] of Object.entries(starts)) {
    await page.check(`.exports-panel input[value="${format}"]`);
    await until(`the preview of ${format}`, async () => (await page.textContent(".preview")).trimStart().startsWith(start) && (await page.getAttribute(".preview", "aria-busy")) === "false");
    await page.click(".exports-panel > .actions button:nth-child(2)");
    await until("it is copied", async () => (await clipboard(page)).trimStart().startsWith(start));
    const { name, bytes } = await saved(page, '.exports-panel button:text-is("Save")');
    assert.equal(name, `a.${format}`);
    assert.equal(bytes.toString(), await page.textContent(".preview"));
  }
  await page.check('.exports-panel input[value="ase"]');
  await page.waitForSelector(".preview", { state: "hidden" });
  const { name, bytes } = await saved(page, '.exports-panel button:text-is("Save")');
  assert.equal(name, "a.ase");
  assert.equal(bytes.subarray(0, 4).toString(), "ASEF");
});

test("what is known of a picture is not asked for again: cards, their parts, exports", async (t) => {
  const page = await open(t);
  const forms = await recordForms(page);
  const asked = () => forms.map(({ address, fields }) => `${new URL(address).search} ${JSON.stringify(fields)}`).sort();
  const allCards = () => until("all cards are loaded", async () => (await page.$$('.card-frame[aria-busy="false"]')).length === 6);
  await choose(page);
  // The palette, the crop and the chosen card are one answer.
  await page.waitForSelector('[data-kind="palette"] [aria-busy="false"]');
  assert.equal(forms.filter(({ fields }) => fields.card === undefined).length, 1);
  await see(page, ".cards");
  await allCards();
  for (const kind of ["story", "og", "palette"]) {
    await page.click(`[data-kind="${kind}"] .card-frame`);
    await page.waitForSelector(`[data-kind="${kind}"] .card-frame[aria-pressed="true"]`);
    await idle(page);
  }
  await see(page, ".exports-panel");
  for (const [format, start] of [["css", ":root"], ["scss", "$"], ["css", ":root"]]) {
    await page.check(`.exports-panel input[value="${format}"]`);
    await until(`the preview of ${format}`, async () => (await page.textContent(".preview")).trimStart().startsWith(start) && (await page.getAttribute(".preview", "aria-busy")) === "false");
  }
  const once = asked();
  assert.deepEqual(once, [...new Set(once)]);
  assert.equal(once.length, 6 + 2);
  // Options that were seen before, and another language, cost nothing either.
  await page.check(".settings input[value=dark]");
  await until("the dark cards are loaded", () => forms.some(({ fields }) => fields.theme === "dark"));
  await page.check(".settings .choice:has(input[value=dark]) input[value=light]");
  await page.selectOption("#header select", "de");
  await page.waitForSelector('html[lang="de"]');
  await page.waitForSelector(".swatches.palette .swatch");
  await see(page, ".cards");
  await allCards();
  assert.deepEqual(asked(), [...new Set(asked())]);
});
