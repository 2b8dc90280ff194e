import { expect, test } from "vitest";
import { planSeeds, seedBySeed } from "../../src/experiments/planned-run.ts";
import { planStudy, QUICK } from "../../src/experiments/study/plan.ts";
import { findRecipe } from "../../src/recipes/index.ts";

const plan = (options: Partial<Parameters<typeof planStudy>[0]> = {}, images = 55_000) =>
  planStudy({ out: "study", isQuick: false, isFaithful: false, isWithResNet18: false, seeds: 1, ...options }, images);
const names = (...args: Parameters<typeof plan>) => plan(...args).map(({ recipe, seed }) => `${recipe.name}-s${seed}`);

test("a study is the two recipes unchanged, on all images", () => {
  expect(plan()).toEqual([
    { recipe: findRecipe("base"), seed: 1, path: "study/runs/base-s1", trainOn: "split", limit: null },
    { recipe: findRecipe("enhanced"), seed: 1, path: "study/runs/enhanced-s1", trainOn: "split", limit: null },
  ]);
});

test("seeds are trained one after the other, each with complete pairs", () => {
  expect(names({ seeds: 2 })).toEqual(["base-s1", "enhanced-s1", "base-s2", "enhanced-s2"]);
  expect(names({ seeds: 2, isFaithful: true }).slice(0, 5)).toEqual([
    "base-s1",
    "enhanced-s1",
    "base-study-s1",
    "enhanced-study-s1",
    "base-s2",
  ]);
});

test("ResNet18 is trained with our recipe and as published, beside the champion", () => {
  expect(names({ isWithResNet18: true })).toEqual([
    "base-s1",
    "enhanced-s1",
    "champion-s1",
    "resnet18-s1",
    "resnet18-kefth-s1",
    "resnet18-kefth-published-s1",
  ]);
});

test("a quick study has fewer epochs and images, and uses all of a small data set", () => {
  const [base] = plan({ isQuick: true });
  expect(base).toMatchObject({ limit: QUICK.images, recipe: { ...findRecipe("base"), epochs: QUICK.epochs } });
  expect(plan({ isQuick: true }, 500)[0]!.limit).toBeNull();
});

test("a run is planned with each seed, from 1, in the given folder", () => {
  const run = { recipe: findRecipe("base"), trainOn: "all", limit: 7 } as const;
  expect(planSeeds(run, { seeds: 2, pathOf: (seed) => `many/s${seed}` })).toEqual([
    { ...run, seed: 1, path: "many/s1" },
    { ...run, seed: 2, path: "many/s2" },
  ]);
  expect(seedBySeed([])).toEqual([]);
});
