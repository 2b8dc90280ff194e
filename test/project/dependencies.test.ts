/** What is installed is what was checked in, and its licences are known. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
type Lock = Record<string, { version: string; integrity?: string; license?: string; dev?: boolean }>;
const lockOf = (folder: string): Lock =>
  JSON.parse(readFileSync(join(ROOT, folder, "package-lock.json"), "utf8")).packages;

test.each([".", "bench/peers"])("every package of the lock file in %s has a checksum", (folder) => {
  const without = Object.entries(lockOf(folder)).filter(
    ([path, { integrity }]) => path !== "" && !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""),
  );
  expect(without).toEqual([]);
});

describe("npm run licences", () => {
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, "scripts/licences.js")], { encoding: "utf8" });

  test("lists every package that is installed or in the page", () => {
    expect(status).toBe(0);
    const lock = lockOf(".");
    const shipped = Object.entries(lock).filter(([path, { dev }]) => path !== "" && !dev);
    for (const [path, { version }] of shipped)
      expect(stdout).toContain(`  ${path.replace(/^.*node_modules\//, "")} ${version}\n`);
    for (const name of ["react", "onnxruntime-web"]) {
      expect(stdout).toContain(`  ${name} ${lock[`node_modules/${name}`]!.version}\n`);
    }
    expect(stdout).not.toContain("vitest");
  });

  test("with the licence of each", () => {
    const groups = new Map(stdout.split(/\n(?=\S)/).map((group) => [group.split(" (")[0]!, group]));
    expect(groups.get("MIT")).toContain("  hono ");
    expect(stdout).toContain("not stated, see node_modules/jstat/LICENSE (1)\n  jstat ");
    expect(stdout).not.toContain("no licence found");
  });
});
