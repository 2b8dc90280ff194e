import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/** Runs a tool of node_modules; its output is the failure's message. */
function check(tool: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(resolve(ROOT, "node_modules/.bin", tool), args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect(status === 0 ? "" : `${stdout}\n${stderr}`).toBe("");
}

test.each(["tsconfig.json", "web/tsconfig.json"])("types: tsc finds nothing by %s", (config) =>
  check("tsc", "-p", config),
);

test("lint and format: biome finds nothing", () => check("biome", "ci", "--reporter=summary", "."));

test("dead code: knip finds no unused file, export or dependency", () => check("knip"));
