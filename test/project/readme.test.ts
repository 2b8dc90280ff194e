import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { RECIPES } from "../../src/recipes/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const LIBRARY = readFileSync(join(ROOT, "docs/library.md"), "utf8");
const COMMANDS_PAGE = readFileSync(join(ROOT, "docs/commands.md"), "utf8");

test("the library page's example runs against the built package and prints what its comment says", () => {
  const [, code] = /```ts\n(.*?)```/s.exec(LIBRARY) ?? [];
  const [, expected] = /console\.log\(epoch, validationAccuracy\) \}, \/\/ (.*)/.exec(code ?? "") ?? [];
  // Inside the package's folder, so that it finds itself by name; Node 20 cannot strip types, and these are few.
  const folder = mkdtempSync(join(ROOT, "dist", "readme-"));
  try {
    const script = join(folder, "example.mjs");
    writeFileSync(script, code!.replace("type Model, ", "").replace(": Model =", " ="));
    const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(status === 0 ? "" : stderr).toBe("");
    // The accuracies are of the blocked lowering; the standard one rounds elsewhere and may differ by an image or two.
    const numbers = (text: string) => text.match(/\d+(\.\d+)?/g)!.map(Number);
    const printed = numbers(stdout);
    expect(printed).toHaveLength(4);
    numbers(expected!).forEach((number, i) => {
      expect(Math.abs(printed[i]! - number)).toBeLessThanOrEqual(0.01);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the commands page names every command and every recipe", () => {
  expect(COMMANDS.length).toBeGreaterThan(4);
  for (const { name } of COMMANDS) expect(COMMANDS_PAGE).toMatch(new RegExp(`\\| \`${name}\\b`));
  for (const { name } of RECIPES) expect(COMMANDS_PAGE).toContain(`\`${name}\``);
});
