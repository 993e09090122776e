// Does in Chromium what pages of today do to the service from another origin, and prints as JSON what came of it.
//
//     node visit.mjs CHROMIUM SERVICE PICTURE FOLDER
import { createServer } from "node:http";
import { statSync } from "node:fs";
import { chromium } from "playwright-core";

const [executablePath, service, picture, folder] = process.argv.slice(2);
const DEADLINE = 60_000;

/** A page with one form, on an origin of its own. */
async function servePage() {
  const page = `<!doctype html><title>A page</title>
    <form action="${service}/process" method="post" enctype="multipart/form-data">
      <input type="text" name="comment"><input type="file" name="image"><button>Send</button>
    </form><input type="file" id="files">`;
  const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(page));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

async function submitForm(page) {
  await page.setInputFiles("form input[type=file]", picture);
  const answered = page.waitForResponse(`${service}/process`);
  await page.click("form button");
  const response = await answered;
  return { status: response.status(), type: response.headers()["content-type"], body: await response.json() };
}

/** A job of six pictures, so that its cards are links; the requests bear the headers of an instrumented front end. */
async function runJob(page) {
  await page.setInputFiles("#files", picture);
  return page.evaluate(async (service) => {
    const headers = { "sentry-trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", baggage: "sentry-environment=test" };
    const form = new FormData();
    const file = document.querySelector("#files").files[0];
    for (let number = 0; number < 6; number++) form.append("images", file, `${number}.png`);
    const accepted = await fetch(`${service}/jobs`, { method: "POST", body: form, headers });
    const { job_id: id } = await accepted.json();
    for (;;) {
      const polled = await fetch(`${service}/jobs/${id}`, { headers });
      const body = await polled.json();
      const exposed = ["etag", "x-request-id"].every((name) => polled.headers.has(name));
      if (["completed", "failed"].includes(body.status)) {
        return { id, accepted: accepted.status, location: accepted.headers.has("location"), exposed, body };
      }
      await new Promise((wait) => setTimeout(wait, 200));
    }
  }, service);
}

/** Clicks a link with `download` to a card, and waits for the file. */
async function download(page, link) {
  const before = page.url();
  const saving = page.waitForEvent("download");
  await page.evaluate((link) => {
    const anchor = document.createElement("a");
    Object.assign(anchor, { href: link, download: "card.png" });
    document.body.append(anchor);
    anchor.click();
  }, link);
  const saved = await saving;
  const path = `${folder}/${saved.suggestedFilename()}`;
  await saved.saveAs(path);
  return { name: saved.suggestedFilename(), size: statSync(path).size, stayed: page.url() === before };
}

const remove = (page, id) =>
  page.evaluate(
    async ([service, id]) => {
      const removed = await fetch(`${service}/jobs/${id}`, { method: "DELETE", headers: { "sentry-trace": "a-b-1" } });
      const after = await fetch(`${service}/jobs/${id}`);
      return { status: removed.status, after: after.status };
    },
    [service, id],
  );

const site = await servePage();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE);
  await page.goto(site.url);
  const job = await runJob(page);
  const found = { job, download: await download(page, job.body.results[0].social_image), removed: await remove(page, job.id) };
  console.log(JSON.stringify({ ...found, form: await submitForm(page) }));
} finally {
  await browser.close();
  site.close();
}
