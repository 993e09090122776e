// TypeScript's checker reads the page, and the types that are generated from the document that the service serves.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SERVICE } from "./browser.mjs";

const here = new URL(".", import.meta.url).pathname;
const web = process.env.HUEMILL_WEB ?? join(here, "../../web");

function run(folder, tool, ...rest) {
  const done = spawnSync(process.execPath, [join(here, "node_modules", tool), ...rest], { cwd: folder, encoding: "utf8" });
  assert.equal(done.status, 0, done.stdout + done.stderr);
}

test("the page and the tests' client have the types of the served document", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "huemill-page-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(web, folder, { recursive: true });
  writeFileSync(join(folder, "openapi.json"), await (await fetch(`${SERVICE}/openapi.json`)).text());
  run(folder, "openapi-typescript/bin/cli.js", "openapi.json", "--array-length", "-o", "api.d.ts");

  // One run of the checker for all of it: most of its time goes to what they share.
  for (const name of ["contract.ts", "service.mjs"]) copyFileSync(join(here, name), join(folder, name));
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  const { include } = JSON.parse(readFileSync(join(folder, "jsconfig.json"), "utf8"));
  const extended = { extends: "./jsconfig.json", include: [...include, "contract.ts", "service.mjs"], exclude: ["node_modules"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(extended));
  run(folder, "typescript/bin/tsc", "-p", "tsconfig.json");
});
