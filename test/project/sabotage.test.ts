/** Running `npm run test:sabotage` takes long; this only checks that its mutations still match the source. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
// @ts-expect-error: a plain script, without types
import { placesOf, sourceTexts } from "../../scripts/sabotage/files.js";
// @ts-expect-error: a plain script, without types
import { MUTATIONS } from "../../scripts/sabotage/mutations.js";

const ROOT = resolve(import.meta.dirname, "../..");
const mutations: readonly { find: string; replace: string; tests: string[] }[] = MUTATIONS;
const texts = sourceTexts(ROOT);

describe("the mutations that tests must detect", () => {
  test("are many", () => expect(mutations.length).toBeGreaterThanOrEqual(150));

  test("occur once in src, on one line, and change it", () => {
    for (const { find, replace } of mutations) {
      expect(placesOf(find, texts), find).toHaveLength(1);
      expect(replace).not.toBe(find);
      expect(`${find}${replace}`).not.toContain("\n");
    }
  });

  test("name existing tests", () => {
    for (const { find, tests } of mutations) {
      expect(tests, find).not.toEqual([]);
      for (const path of tests) expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });
});
