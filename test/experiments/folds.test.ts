import { expect, test } from "vitest";
import { asFolds } from "../../src/experiments/cross-validation-report.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import type { Run } from "../../src/runs/node/run-files.ts";

/** What of a run tells whether it is one of the folds. */
function run(path: string, number: number | undefined, changes: Record<string, unknown> = {}): Run {
  const record = {
    status: "finished",
    recipe: findRecipe("base"),
    seed: 1,
    limit: null,
    data: { source: "idx", files: [{ name: "images", sha256: "a" }] },
    ...(number === undefined ? {} : { fold: { number, of: 3 } }),
    ...changes,
  };
  return { path, record } as unknown as Run;
}

const pathsOf = (runs: readonly Run[]) => asFolds(runs)?.map(({ path }) => path);

test("runs of one cross-validation are its folds, in the order of their numbers; some may be missing", () => {
  expect(pathsOf([run("c", 3), run("a", 1), run("b", 2)])).toEqual(["a", "b", "c"]);
  expect(pathsOf([run("c", 3), run("a", 1)])).toEqual(["a", "c"]);
});

test.each<[string, Run]>([
  ["no fold", run("b", undefined)],
  ["the same fold again", run("b", 1)],
  ["a fold of another number of folds", run("b", 2, { fold: { number: 2, of: 4 } })],
  ["another seed", run("b", 2, { seed: 2 })],
  ["another recipe", run("b", 2, { recipe: findRecipe("tiny") })],
  ["fewer images", run("b", 2, { limit: 100 })],
  ["other data", run("b", 2, { data: { source: "idx", files: [{ name: "images", sha256: "b" }] } })],
  ["imported weights", run("b", 2, { status: "imported" })],
])("a run with %s is not one of them", (_, other) => {
  expect(pathsOf([run("a", 1), other])).toBeUndefined();
});
