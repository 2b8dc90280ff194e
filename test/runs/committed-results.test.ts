import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FASHION_MNIST } from "../../src/data/fashion-mnist.ts";
import { seedSpread } from "../../src/evaluation/significance.ts";
import { RECIPES } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { committedResults } from "../../src/runs/node/committed-results.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const RESULTS = readFileSync(join(DOCS, "results.md"), "utf8");

const percent = (fraction: number) => (fraction * 100).toFixed(2);

describe.each(RECIPES.map((recipe) => ({ recipe, name: recipe.name })))(
  "the committed results of $name",
  ({ recipe }) => {
    const results = committedResults(recipe.name);

    test("are of the current recipe, on the published data, according to the protocol", () => {
      for (const { record, test } of results) {
        expect(record.recipe).toEqual(JSON.parse(JSON.stringify(recipeToJson(recipe))));
        expect(record).toMatchObject({ trainOn: "split", limit: null, lowering: "blocked" });
        expect(record.data).toMatchObject({ verified: true, trainImages: 55_000, validationImages: 5000 });
        expect(record.data.files.map(({ sha256 }) => sha256).sort()).toEqual(
          Object.values(FASHION_MNIST.files)
            .map(({ sha256 }) => sha256)
            .sort(),
        );
        expect(test).toMatchObject({ total: 10_000, accuracy: test.correct / 10_000 });
        expect(record.commit).toMatch(/^[0-9a-f]{40}$/);
      }
    });

    test("have seeds 1, 2, 3, ..., each a different run", () => {
      expect(results.map(({ record }) => record.seed)).toEqual(results.map((_, i) => i + 1));
      expect(new Set(results.map(({ record }) => record.result.weightsSha256)).size).toBe(results.length);
    });

    test("match docs/results.md", () => {
      const row = RESULTS.split("\n").find((line) => line.startsWith(`| \`${recipe.name}\` |`));
      if (results.length === 0) return expect(row).toContain("| not measured |");
      const accuracies = results.map(({ test }) => test.accuracy);
      const { mean, standardDeviation, n } = seedSpread(accuracies);
      const spread = standardDeviation === null ? "" : ` ± ${percent(standardDeviation)}`;
      expect(row).toContain(`**${percent(mean)} %${spread}**`);
      expect(row).toContain(`(${accuracies.map(percent).join(", ")})`);
      expect(row).toContain(`| ${n} |`);
    });
  },
);

test("every result file belongs to a recipe, and there are some of our two", () => {
  for (const name of ["base", "enhanced"]) expect(committedResults(name).length, name).toBeGreaterThanOrEqual(3);
  const files = readdirSync(join(DOCS, "results")).map((name) => `docs/results/${name}`);
  expect(RECIPES.flatMap(({ name }) => committedResults(name).map(({ file }) => file)).sort()).toEqual(files.sort());
});
