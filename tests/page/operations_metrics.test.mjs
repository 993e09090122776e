// What the Operations view computes, without a browser: the parser of the Prometheus text format, rates, objectives and
// findings.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

// The page's modules end in .js, which Node takes for modules only next to a package that says so.
const folder = mkdtempSync(join(tmpdir(), "huemill-page-"));
after(() => rmSync(folder, { recursive: true }));
cpSync(process.env.HUEMILL_WEB ?? new URL("../../web", import.meta.url).pathname, folder, { recursive: true });
writeFileSync(join(folder, "package.json"), '{"type": "module"}');
const load = (path) => import(pathToFileURL(join(folder, path)).href);
const { parseMetrics } = await load("operations/metrics.js");
const { History, reading, KEPT_MS } = await load("operations/readings.js");
const { OBJECTIVES, standing } = await load("operations/objectives.js");
const { findings } = await load("operations/findings.js");

test("samples have names, labels and values", () => {
  const metrics = parseMetrics(
    '# HELP requests_total Answered requests.\n# TYPE requests_total counter\nrequests_total{endpoint="/jobs",code="202"} 3\n' +
      'requests_total{endpoint="/jobs/{id}",code="200",} 4.5e2\nuptime 12\n',
  );
  assert.equal(metrics.sum("requests_total"), 453);
  assert.equal(metrics.sum("requests_total", { endpoint: "/jobs/{id}" }), 450);
  assert.equal(metrics.sum("requests_total", { endpoint: /^\/jobs$/, code: (code) => code < "300" }), 3);
  assert.equal(metrics.max("uptime"), 12);
  assert.equal(metrics.sum("nothing"), null);
  assert.equal(metrics.max("requests_total", { code: "500" }), null);
  assert.equal(metrics.skipped, 0);
});

test("escapes, spaces, times, exemplars and special numbers are understood", () => {
  const metrics = parseMetrics(
    'a { path = "C:\\\\x\\"y\\"\\nz,}{" , b="ü" } 1 1700000000000\r\nb{le="+Inf"} +Inf\nc -Inf\nd NaN\ne{x="1"} 5 # {id="7"} 0.3\n\tf\t.5\n',
  );
  assert.deepEqual(metrics.series("a"), [{ labels: { path: 'C:\\x"y"\nz,}{', b: "ü" }, value: 1 }]);
  assert.equal(metrics.sum("b"), Infinity);
  assert.equal(metrics.sum("c"), -Infinity);
  assert.ok(Number.isNaN(metrics.sum("d")));
  assert.deepEqual([metrics.sum("e"), metrics.sum("f")], [5, 0.5]);
  assert.equal(metrics.skipped, 0);
});

test("what is broken is skipped, and the rest is read", () => {
  const broken = ["{} 1", "9a 1", "a", "a x", 'a{b} 1', 'a{b="c} 1', 'a{b="c" d="e"} 1', "a{b=c} 1", 'a{b="c"', "<html>", "a 1,5", "a-b 1"];
  const metrics = parseMetrics([...broken, "good 1"].join("\n"));
  assert.equal(metrics.skipped, broken.length);
  assert.equal(metrics.sum("good"), 1);
  assert.deepEqual([...metrics.samples.keys()], ["good"]);
  assert.equal(parseMetrics("").samples.size, 0);
});

test("no text makes the parser fail or hang", () => {
  let state = 7;
  const next = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const letters = 'ab{}="\\,# \n\t1.e+-NIxü';
  for (let round = 0; round < 3000; round++) {
    parseMetrics(Array.from({ length: 60 }, () => letters[Math.floor(next() * letters.length)]).join(""));
  }
});

const SCRAPE = `
process_start_time_seconds 100
requests_total{endpoint="/process",code="200"} 990
requests_total{endpoint="/process",code="503"} 10
requests_total{endpoint="/health",code="200"} 5000
errors_total{endpoint="/process",error_code="OVERLOADED"} 8
errors_total{endpoint="/process",error_code="INVALID_INPUT"} 70
errors_total{endpoint="/ready",error_code="NOT_READY"} 70
request_duration_ms_bucket{endpoint="/process",le="2000.0"} 940
request_duration_ms_bucket{endpoint="/process",le="+Inf"} 1000
request_duration_ms_count{endpoint="/process"} 1000
request_duration_ms_bucket{endpoint="/jobs/{id}/results.zip",le="2000"} 0
request_duration_ms_count{endpoint="/jobs/{id}/results.zip"} 9
jobs_queue_latency_seconds_bucket{le="60"} 20
jobs_queue_latency_seconds_count 20
jobs_completed_total{status="completed"} 95
jobs_completed_total{status="failed"} 5
jobs_completed_total{status="canceled"} 50
jobs_queued_images 4
jobs_oldest_queued_age_seconds 12
`;

test("objectives count the events of the alerting rules", () => {
  const metrics = parseMetrics(SCRAPE);
  const counted = Object.fromEntries(OBJECTIVES.map(({ name, bad, events }) => [name, [bad(metrics), events(metrics)]]));
  assert.deepEqual(counted, {
    availability: [8, 1000],
    error_rate: [8, 1000],
    http_latency: [60, 1000],
    queue_latency: [0, 20],
    processing_duration: [null, null],
    webhook_latency: [null, null],
    job_success: [5, 100],
  });
});

test("a budget is what is left of the bad events that may be", () => {
  assert.equal(standing(0.05, 0, 0), null);
  assert.equal(standing(0.05, null, 9), null);
  const used = standing(0.05, 5, 200);
  assert.deepEqual([used.good, used.burn, used.left].map((number) => Number(number.toFixed(6))), [0.975, 0.5, 0.5]);
  assert.ok(standing(0.001, 8, 1000).left < 0);
});

const READY = { ready: true, active_requests: 2, error_rate_last_5m: 0.25, checks: { workers: { ok: true, busy: 1, slots: 2, queued: 0 } } };

/** A history of one counter, read every five seconds by one process. */
function counted(name, values, start = 100, from = 0) {
  return values.map((value, index) => ({ at: from + index * 5000, start, values: { [name]: value } }));
}

test("a reading has the figures of both answers, and those of /ready alone without metrics", () => {
  const both = reading(READY, parseMetrics(SCRAPE), 5);
  assert.deepEqual([both.start, both.values.queued, both.values.oldest, both.values.errors, both.values.busy], [100, 4, 12, 0.25, 1]);
  assert.deepEqual([both.values.requests, both.values.faults, both.values["availability.bad"]], [1000, 8, 8]);
  const alone = reading(READY, null, 5);
  assert.deepEqual([alone.start, alone.values.slots, alone.values.queued], [null, 2, undefined]);
});

test("counters of processes that share an address are not mixed, and old readings are dropped", () => {
  const history = new History();
  for (const one of counted("a", [10, 20, 30])) history.add(one);
  for (const one of counted("a", [500, 505], 200, 2500)) history.add(one);
  assert.equal(history.processes(), 2);
  assert.deepEqual(history.increase("a"), { by: 5, ms: 5000 });
  assert.equal(history.perMinute("a"), 60);
  history.add({ at: KEPT_MS + 10_000, start: 200, values: { a: 505 } });
  assert.equal(history.readings.length, 1);
  assert.equal(history.increase("a"), null);
});

test("a counter grows in minutes, and minutes that were not seen are none", () => {
  const history = new History();
  // Twelve readings a minute for three minutes, then a pause of two, then one minute more.
  for (let second = 0; second <= 360; second += 5) {
    if (second <= 180 || second >= 300) history.add({ at: 1e6 + second * 1000, start: 1, values: { a: second * 2 } });
  }
  const minutes = history.minutes("a");
  assert.equal(minutes.length, 15);
  assert.deepEqual(minutes.slice(-7), [null, 120, 120, 120, null, null, 120]);
});

const named = (ready, readings) => {
  const history = new History();
  for (const one of readings) history.add(one);
  return findings(ready, history).map(({ name, level, check }) => `${level} ${check ?? name}`);
};

test("readiness is explained check by check", () => {
  assert.deepEqual(named(READY, []), []);
  const checks = {
    disk: { ok: false, reason: "too little is free" },
    store: { ok: true, shared: true, reason: "blobs: no answer in 3000 ms" },
    actors: { ok: true, dispatcher: { paused: false, queue_paused: ["all"] } },
  };
  assert.deepEqual(named({ ready: false, checks }, []), ["bad disk", "warning store", "warning paused"]);
  assert.deepEqual(named({ ready: false, reason: "draining", checks: {} }, []), ["bad reason.draining"]);
});

test("figures are findings from the alerts' thresholds on", () => {
  const at = (values) => [{ at: 0, start: 1, values }];
  assert.deepEqual(named(READY, at({ oldest: 60 })), []);
  assert.deepEqual(named(READY, at({ oldest: 61 })), ["warning oldest"]);
  assert.deepEqual(named(READY, at({ oldest: 61, pauses: 1 })), []);
  assert.deepEqual(named(READY, at({ stalled: 1, dead: 2, resident: 1.1e9 })), ["bad stalled", "note dead", "note memory"]);
  const failing = (bad, all) => [
    { at: 0, start: 1, values: { faults: 0, requests: 0 } },
    { at: 60_000, start: 1, values: { faults: bad, requests: all } },
  ];
  assert.deepEqual(named(READY, failing(2, 10)), []);
  assert.deepEqual(named(READY, failing(3, 10)), ["bad errors"]);
  assert.deepEqual(named(READY, failing(3, 100)), []);
  assert.deepEqual(named(READY, failing(20, 1000)), ["warning errors"]);
  const still = [0, 600_000].map((at) => ({ at, start: 1, values: { oldest: 700, queued: 3, started: 5, pictures: 9, ended: 5 } }));
  assert.deepEqual(named(READY, still), ["bad queue_stalled"]);
  still[1].values.pictures = 10;
  assert.deepEqual(named(READY, still), ["warning oldest"]);
});
