// What the tests of the Batches view share.
import { picture } from "./pictures.mjs";

export const BATCHES = { path: "#/batches" };

/** Starts a job of addresses, and waits until its progress is shown. */
export async function start(page, urls) {
  await page.fill(".new-job textarea", urls.join("\n"));
  await page.click(".start");
  await page.waitForSelector(".job-progress progress");
}

/** Waits until the job has ended and its results have the focus. */
export const ended = (page) => page.waitForSelector(".results h2:focus");

/** A file for the file button. */
export const png = (name, buffer) => ({ name, mimeType: "image/png", buffer });

/** So many pictures: p1.png, p2.png … */
export const some = (count) => Array.from({ length: count }, (_, at) => png(`p${at + 1}.png`, picture(at + 1, 96, 72)));

/** Chooses files with the button. */
export const choose = (page, files) => page.setInputFiles('[data-choose="files"]', files);

/** Asks for results without cards, where a test is of many pictures and not of what they look like. */
export async function withoutCards(page) {
  await page.click(".options summary");
  await page.selectOption('[name="card"]', "none");
}
