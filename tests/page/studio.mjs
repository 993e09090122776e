// What the tests of the Studio share: opening pictures, and what the page shows of them.
import { createServer } from "node:http";
import { after } from "node:test";
import { picture } from "./pictures.mjs";
import { until } from "./browser.mjs";

/** Another loopback address than other servers of tests have, so that they can share the port that the service allows. */
const HOST = "127.0.0.2";
const PORT = Number(process.env.HUEMILL_PICTURE_PORT ?? 18931);

/** A server of pictures for one file of tests. The address of `name` is a picture if the name ends with `.png`. */
export async function serveOnePicture(bytes = picture(7)) {
  const server = createServer((request, response) => {
    if (request.url.endsWith(".png")) response.writeHead(200, { "Content-Type": "image/png" }).end(bytes);
    else response.writeHead(200, { "Content-Type": "text/plain" }).end("This is no picture.");
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(PORT, HOST, resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (name) => `http://${HOST}:${PORT}/${name}`;
}

/** Files for the file button. */
export const file = (name, buffer, mimeType = "image/png") => ({ name, buffer, mimeType });

/** Chooses a picture, and waits until its result has the focus. */
export async function choose(page, name = "a picture.png", bytes = picture(1), type = "image/png") {
  await page.setInputFiles(".intake input[type=file]", file(name, bytes, type));
  await shown(page, name);
}

/** Waits until the result of a picture is there and has the focus. */
export async function shown(page, name) {
  await page.waitForSelector(".result-title:focus");
  await until(`the result of ${name}`, async () => (await page.textContent(".result-title")) === name);
  await page.waitForSelector(".swatches.palette .swatch");
  await idle(page);
}

/** Waits until nothing is being processed. */
export const idle = (page) => page.waitForSelector('.results[aria-busy="false"]');

/** The colours of the palette, as the page shows them. */
export const palette = (page) => page.$$eval(".swatches.palette .swatch", (swatches) => swatches.map((swatch) => swatch.dataset.hex));

/** What is in the clipboard. */
export const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

/** Drops files or folders of the disk onto the page, as a person does. */
export async function drop(page, paths, { isDropped = true } = {}) {
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const types = isDropped ? ["dragEnter", "dragOver", "drop"] : ["dragEnter", "dragOver"];
  for (const type of types) await devtools.send("Input.dispatchDragEvent", { type, x: 300, y: 400, data });
}

/** Records the forms that the page sends from now on: their address, their fields, what they accept. */
export async function recordForms(page) {
  const forms = [];
  await page.exposeFunction("recordForm", (form) => void forms.push(form));
  await page.evaluate(() => {
    const send = window.fetch;
    window.fetch = (address, options) => {
      const { body, headers } = options ?? {};
      const fields = body instanceof FormData ? Object.fromEntries([...body].filter(([, value]) => typeof value === "string")) : null;
      if (fields) globalThis.recordForm({ address: String(address), fields, accept: new Headers(headers).get("Accept") });
      return send(address, options);
    };
  });
  return forms;
}
