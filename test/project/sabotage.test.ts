/** `npm run test:sabotage` takes long; that its mutations still fit the source is seen at once. */
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

describe("the mutations that tests must catch", () => {
  test("are many", () => expect(mutations.length).toBeGreaterThanOrEqual(150));

  test("stand in one place of src each, on one line, and change it", () => {
    for (const { find, replace } of mutations) {
      expect(placesOf(find, texts), find).toHaveLength(1);
      expect(replace).not.toBe(find);
      expect(`${find}${replace}`).not.toContain("\n");
    }
  });

  test("name tests that there are", () => {
    for (const { find, tests } of mutations) {
      expect(tests, find).not.toEqual([]);
      for (const path of tests) expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });
});
