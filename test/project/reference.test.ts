import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/** typedoc.json says what must be documented: every export, every method; and that no type is referred to but not exported. */
test("the reference can be written: every public export has a docstring", () => {
  const { status, stdout, stderr } = spawnSync(
    resolve(ROOT, "node_modules/.bin/typedoc"),
    ["--emit", "none", "--treatWarningsAsErrors", "--logLevel", "Warn"],
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  expect(status === 0 ? "" : `${stdout}\n${stderr}`).toBe("");
});
