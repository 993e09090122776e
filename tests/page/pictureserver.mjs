// A server of pictures for jobs of addresses. It can hold its answers back, so that a job goes on for as long as a test
// wants. The service must allow loopback addresses and the port (HUEMILL__OUTBOUND__ALLOW_CIDRS and _PORTS).
import { createServer } from "node:http";
import { after } from "node:test";
import { damaged, picture } from "./pictures.mjs";

const PORT = Number(process.env.HUEMILL_PICTURE_PORT ?? 18931);

/** Where a picture is: `name` is "1.png" for the first seed, "damaged.png", or "slow/1.png" for one that can be held. */
export const addressOf = (name) => `http://127.0.0.1:${PORT}/${name}`;

let waiting = [];
let isHeld = false;

const server = createServer((request, response) => {
  const answer = () => {
    const seed = Number(/(\d+)\.png/.exec(request.url)?.[1] ?? 1);
    const body = request.url.includes("damaged") ? damaged(seed) : picture(seed, 160, 120);
    response.writeHead(200, { "content-type": "image/png" }).end(body);
  };
  if (isHeld && request.url.startsWith("/slow/")) waiting.push(answer);
  else answer();
});
await new Promise((listening, failed) => server.once("error", failed).listen(PORT, "127.0.0.1", listening));
after(() => {
  server.closeAllConnections();
  server.close();
});

/** Answers all that waits. */
export function release() {
  isHeld = false;
  const answers = waiting;
  waiting = [];
  for (const answer of answers) answer();
}

/** Makes slow pictures wait for `release`, or for the end of the test. */
export function hold(t) {
  isHeld = true;
  t.after(release);
}
