// How pictures come into the Studio, and what is said where they cannot.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { open, OPERATOR_TOKEN, SERVICE, SERVICE_WITH_KEYS, SERVICE_WITH_PREFIX, tabTo, until } from "./browser.mjs";
import { damaged, picture, tiff, turned } from "./pictures.mjs";
import { createdKey } from "./service.mjs";
import { choose, drop, file, idle, palette, recordForms, serveOnePicture, shown } from "./studio.mjs";

const address = await serveOnePicture();
const folder = mkdtempSync(join(tmpdir(), "studio-"));
after(() => rmSync(folder, { recursive: true }));

/** A file or folder on the disk, to be dropped. */
function onDisk(name, bytes) {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

test("a chosen picture is shown with its palette, and its name has the focus", async (t) => {
  const page = await open(t);
  assert.equal(await page.isVisible(".drop-title"), true);
  await choose(page, "sea & shore.png");
  assert.equal((await palette(page)).length, 10);
  assert.match(await page.textContent(".facts"), /PNG · 320 × 240/);
  assert.equal(await page.isVisible(".drop-title"), false);
  assert.match(await page.textContent("#announcer"), /10 colours/);
});

test("the keyboard alone chooses a picture", async (t) => {
  const page = await open(t);
  const chooser = page.waitForEvent("filechooser");
  await tabTo(page, ".choose");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(file("keys.png", picture(2)));
  await shown(page, "keys.png");
});

test("a picture can be dropped anywhere, and another one after it", async (t) => {
  const page = await open(t);
  await drop(page, [onDisk("one.png", picture(1))], { isDropped: false });
  await page.waitForSelector(".intake.hover");
  await drop(page, [onDisk("one.png", picture(1))]);
  await shown(page, "one.png");
  assert.equal(await page.$(".intake.hover"), null);
  const first = await palette(page);
  await drop(page, [onDisk("two.png", picture(2))]);
  await shown(page, "two.png");
  assert.notDeepEqual(await palette(page), first);
});

test("several files, a folder and an archive are offered to the batches", async (t) => {
  const page = await open(t);
  await drop(page, [onDisk("one.png", picture(1)), onDisk("two.png", picture(2))]);
  await page.waitForSelector(".offer button:focus");
  assert.match(await page.textContent(".offer"), /2 files/);
  await page.click(".offer button:text-is('Cancel')");
  assert.equal(await page.$(".offer button"), null);

  onDisk("album/a.png", picture(1));
  onDisk("album/inner/b.png", picture(2));
  onDisk("album/inner/c.png", picture(3));
  await drop(page, [join(folder, "album")]);
  await page.waitForSelector(".offer button:focus");
  assert.match(await page.textContent(".offer"), /3 files/);
  await page.click(".offer button:nth-child(2)");
  await shown(page, "a.png");

  mkdirSync(join(folder, "empty"));
  await drop(page, [join(folder, "empty")]);
  await until("it is said", async () => /no file in this folder/.test(await page.textContent(".offer")));

  await drop(page, [onDisk("album.zip", Buffer.from("PK"))]);
  await until("it is offered", async () => /album.zip/.test(await page.textContent(".offer")));
  await page.waitForSelector(".offer button:focus");
  assert.match(await page.textContent(".offer"), /album\.zip is an archive/);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".batches h1");
});

test("a picture and an address can be pasted", async (t) => {
  const page = await open(t);
  await page.evaluate(async (bytes) => {
    const png = new Blob([new Uint8Array(bytes)], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
  }, [...picture(3)]);
  await page.keyboard.press("Control+V");
  await shown(page, "image.png");
  await page.evaluate((text) => navigator.clipboard.writeText(text), address("pasted.png"));
  await page.keyboard.press("Control+V");
  await shown(page, "pasted.png");
});

test("an address is opened by the keyboard, and its curl line names it", async (t) => {
  const page = await open(t);
  await tabTo(page, ".address input");
  await page.keyboard.type("not an address");
  await page.keyboard.press("Enter");
  await page.waitForSelector('.address input[aria-invalid="true"]');
  await page.fill(".address input", address("from the web.png"));
  await page.keyboard.press("Enter");
  await shown(page, "from the web.png");
  assert.match(await page.textContent(".commands-panel pre"), /-d '\{"url":"http:/);
});

test("an address without a picture, and one that is refused, are told", async (t) => {
  const page = await open(t, { expected: [/status of 4\d\d/] });
  for (const [wrong, code] of [[address("text"), "UNSUPPORTED_MEDIA_TYPE"], ["http://10.0.0.1/a.png", "INVALID_URL"]]) {
    await page.fill(".address input", wrong);
    await page.keyboard.press("Enter");
    await page.waitForSelector(`.trouble:focus .problem[data-code="${code}"]`);
  }
  await page.fill(".address input", address("right.png"));
  await page.keyboard.press("Enter");
  await shown(page, "right.png");
  assert.equal(await page.$(".problem"), null);
});

test("a damaged picture is told, and the next one is shown as if nothing had been", async (t) => {
  const page = await open(t, { expected: [/status of 422/] });
  await page.setInputFiles(".intake input[type=file]", file("broken.png", damaged()));
  await page.waitForSelector('.trouble:focus .problem[data-code="PROCESSING_ERROR"]');
  assert.equal(await page.isVisible(".stage"), false);
  assert.equal(await page.$(".problem button"), null, "the same file would fail again");
  assert.equal(await page.isVisible(".palette-panel"), false);
  await choose(page, "good.png");
  assert.equal(await page.$(".problem"), null);
});

test("a service that is away is told, and trying again works", async (t) => {
  const page = await open(t, { expected: [/ERR_FAILED|Failed to load/] });
  await page.route("**/process", (route) => route.abort());
  await page.setInputFiles(".intake input[type=file]", file("later.png", picture(1)));
  await page.waitForSelector('.problem[data-code="NETWORK"]');
  await page.unroute("**/process");
  await page.click(".problem button");
  await shown(page, "later.png");
});

test("the picture that was chosen last wins", async (t) => {
  const page = await open(t);
  let release;
  const isHeld = new Promise((resolve) => (release = resolve));
  let isFirst = true;
  await page.route("**/process", async (route) => {
    if (isFirst) {
      isFirst = false;
      await isHeld;
    }
    await route.continue().catch(() => {});
  });
  await page.setInputFiles(".intake input[type=file]", file("slow.png", picture(1)));
  await page.waitForSelector(".skeleton span");
  await choose(page, "fast.png", picture(2));
  const colors = await palette(page);
  release();
  await idle(page);
  assert.deepEqual(await palette(page), colors);
  assert.equal(await page.textContent(".result-title"), "fast.png");
});

test("a file that the browser cannot show is shown as the service reads it", async (t) => {
  const page = await open(t);
  const color = (x, y) => (x < 60 ? [200, 40, 40] : y < 40 ? [40, 160, 60] : [40, 70, 190]);
  await choose(page, "scan.tif", tiff(120, 80, color), "image/tiff");
  await page.waitForSelector(".stage-notice:not([hidden])");
  await until("the picture is there", () => page.$eval(".surface img", (image) => image.naturalWidth > 0));
  const { width, height } = await page.$eval(".surface img", ({ naturalWidth, naturalHeight }) => ({ width: naturalWidth, height: naturalHeight }));
  assert.equal(Math.round((100 * width) / height), 150);
  await page.waitForSelector(".marks .box.card");
});

test("a turned picture and what was found in it are both upright", async (t) => {
  const page = await open(t);
  await choose(page, "turned.png", turned());
  assert.match(await page.textContent(".facts"), /240 × 320/);
  const ratio = () => page.$eval(".surface img", ({ naturalWidth, naturalHeight }) => naturalWidth / naturalHeight);
  await until("the picture is upright", async () => Math.abs((await ratio()) - 0.75) < 0.01);
  assert.match(await page.getAttribute(".marks", "viewBox"), /^0 0 240 320$/);
});

test("pictures of this visit can be opened again, and nothing of them is stored", async (t) => {
  const page = await open(t);
  await choose(page, "first.png", picture(1));
  const first = await palette(page);
  await choose(page, "second.png", picture(2));
  await page.waitForSelector(".recent:nth-of-type(1)");
  await until("two pictures are listed", async () => (await page.$$(".recent")).length === 2);
  await page.click(".recent[aria-label*='first.png']");
  await shown(page, "first.png");
  assert.deepEqual(await palette(page), first);
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage])), /first|second/);
});

test("the picture stays when the language changes and when another view was seen", async (t) => {
  const page = await open(t);
  await choose(page, "stays.png");
  await page.click('#header a[data-view="batches"]');
  await page.waitForSelector(".batches");
  await page.goBack();
  assert.equal(await page.textContent(".result-title"), "stays.png");
  await page.selectOption("#header select", "it");
  await page.waitForSelector('html[lang="it"]');
  await page.waitForSelector(".swatches.palette .swatch");
  assert.equal(await page.textContent(".result-title"), "stays.png");
});

test("a picture that is being processed goes on when the language changes, and so does a download", async (t) => {
  const page = await open(t);
  const asked = [];
  let release;
  const isHeld = new Promise((resolve) => (release = resolve));
  await page.route(/\/(process|fetch_url)$/, async (route) => {
    asked.push(new URL(route.request().url()).pathname);
    if (asked.length === 1) await isHeld;
    await route.continue();
  });
  await page.setInputFiles(".intake input[type=file]", file("goes on.png", picture(1)));
  await page.waitForSelector(".skeleton span");
  await page.selectOption("#header select", "de");
  await page.waitForSelector('html[lang="de"] .skeleton span');
  release();
  await page.waitForSelector(".swatches.palette .swatch");
  assert.equal(await page.textContent(".result-title"), "goes on.png");
  assert.equal(asked[0], "/process");

  let releaseDownload;
  const isDownloadHeld = new Promise((resolve) => (releaseDownload = resolve));
  await page.route("**/fetch_url", async (route) => {
    asked.push("held");
    await isDownloadHeld;
    await route.continue();
  });
  await page.fill(".address input", address("fetched.png"));
  await page.keyboard.press("Enter");
  await until("the download is under way", () => asked.includes("held"));
  await page.selectOption("#header select", "en");
  await page.waitForSelector('html[lang="en"] .waiting:not([hidden])');
  releaseDownload();
  await shown(page, "fetched.png");
  assert.equal(asked.filter((path) => path === "held").length, 1);
});

test("another view does not take what is dropped for the Studio", async (t) => {
  const page = await open(t);
  const forms = await recordForms(page);
  await page.click('#header a[data-view="operations"]');
  await page.waitForSelector(".operations");
  await page.evaluate(() => document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: Object.assign(new DataTransfer(), {}) })));
  assert.equal(forms.length, 0);
});

test("where keys are in force, the page asks for one and goes on; the curl line names no key", async (t) => {
  const key = await createdKey(SERVICE_WITH_KEYS, OPERATOR_TOKEN, ["process"]);
  const page = await open(t, { url: `${SERVICE_WITH_KEYS}/`, expected: [/status of 401/] });
  await page.setInputFiles(".intake input[type=file]", file("locked.png", picture(1)));
  await page.waitForSelector('.problem[data-code="UNAUTHORIZED"]');
  await page.click(".problem button");
  await page.fill("dialog input", key);
  await page.keyboard.press("Enter");
  await shown(page, "locked.png");
  const line = await page.textContent(".commands-panel pre");
  assert.match(line, /-H "Authorization: Bearer \$HUEMILL_API_KEY"/);
  assert.equal((await page.content()).includes(key), false);
});

test("behind a path prefix all works, and the curl lines have the prefix", async (t) => {
  const page = await open(t, { url: SERVICE_WITH_PREFIX });
  await choose(page, "deep.png");
  assert.match(await page.textContent(".commands-panel pre"), new RegExp(`${new URL(SERVICE_WITH_PREFIX).pathname}process`));
  assert.notEqual(SERVICE_WITH_PREFIX, `${SERVICE}/`);
});
