import { describe, expect, test } from "vitest";
import type { OptimizerSpec } from "../../src/optim/index.ts";
import type { Schedule } from "../../src/optim/schedules.ts";
import { findRecipe, RECIPES } from "../../src/recipes/index.ts";
import { checkRecipe, type Recipe, recipeToJson } from "../../src/recipes/recipe.ts";
import { recipeFromJson } from "../../src/recipes/recipe-json.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { RECIPE } from "./support/jobs.ts";

const OPTIMIZERS: OptimizerSpec[] = [
  { kind: "sgd" },
  { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
  { kind: "adam", betas: [0.8, 0.99], epsilon: 1e-7, weightDecay: 1e-4 },
  { kind: "adamw", weightDecay: 0.05 },
];

const SCHEDULES: Schedule[] = [
  { kind: "constant" },
  { kind: "constant", warmUp: { epochs: 0.5, startFactor: 0.01 } },
  { kind: "step", everyEpochs: 3, factor: 0.1, warmUp: { epochs: 1, startFactor: 0 } },
  { kind: "cosine" },
  { kind: "cosine", finalFactor: 0.01, warmUp: { epochs: 2, startFactor: 0.1 } },
  { kind: "oneCycle", riseFraction: 0.3, divFactor: 25, finalDivFactor: 1e4, anneal: "cosine" },
];

const throughJson = (recipe: Recipe) => recipeFromJson(JSON.parse(JSON.stringify(recipeToJson(recipe))), "run.json");

/** The message of the UserError that `act` throws. */
const refusal = (act: () => unknown) => userErrorOf(act).message;

describe("a recipe", () => {
  test.each([
    ...RECIPES,
    ...OPTIMIZERS.map((optimizer) => ({ ...RECIPE, optimizer })),
    ...SCHEDULES.map((schedule) => ({ ...RECIPE, schedule })),
    { ...RECIPE, augmentation: {} },
    { ...RECIPE, averaging: { kind: "exponential", decay: 0.998 } } satisfies Recipe,
    { ...RECIPE, augmentation: { verticalFlip: true, horizontalFlip: "random" } } satisfies Recipe,
  ])("is read from a run's record unchanged: %#", (recipe) => {
    expect(throughJson(recipe)).toEqual(recipe);
    expect(throughJson(recipe).model).toBe(recipe.model);
  });

  test("of each name can be trained", () => {
    expect(RECIPES.map(({ name }) => name)).toEqual([
      "base",
      "enhanced",
      "base-long",
      "enhanced-long",
      "base-study",
      "enhanced-study",
      "enhanced-vflip",
      "tiny",
      "light",
      "champion",
      "resnet18",
      "resnet18-kefth",
      "resnet18-kefth-published",
      "photos",
    ]);
    for (const recipe of RECIPES) expect(() => checkRecipe(recipe)).not.toThrow();
  });

  test("of the study's has its flips, plain Adam at 1e-3, and neither schedule nor smoothing", () => {
    const asTrained = {
      learningRate: 1e-3,
      schedule: { kind: "constant" },
      optimizer: { kind: "adam" },
      labelSmoothing: 0,
    };
    expect(findRecipe("base-study")).toMatchObject({ ...asTrained, augmentation: { horizontalFlip: "random" } });
    expect(findRecipe("base-study").augmentation).not.toHaveProperty("verticalFlip");
    expect(findRecipe("enhanced-study")).toMatchObject({
      ...asTrained,
      augmentation: { horizontalFlip: "random", verticalFlip: true },
    });
  });

  test("enhanced-vflip is enhanced except for the flips", () => {
    const { name: _, description: __, augmentation, ...rest } = findRecipe("enhanced-vflip");
    const { augmentation: ours, ...others } = findRecipe("enhanced");
    expect(others).toMatchObject(rest);
    expect(augmentation).toEqual({ ...ours, verticalFlip: true });
  });

  test.each<[Partial<Recipe>, RegExp]>([
    [{ epochs: 0 }, /^epochs must be a whole number from 1 to 10000, got 0$/],
    [{ epochs: -1 }, /^epochs must be .* got -1$/],
    [{ epochs: 1.5 }, /^epochs must be .* got 1\.5$/],
    [{ batchSize: 0 }, /^batch size must be a whole number from 1 up, got 0$/],
    [{ learningRate: Number.NaN }, /^learning rate must be a number above 0, got NaN$/],
    [{ learningRate: 0 }, /^learning rate must be a number above 0, got 0$/],
    [{ labelSmoothing: 1 }, /^labelSmoothing must be at least 0 and below 1, got 1$/],
    [{ labelSmoothing: -0.1 }, /^labelSmoothing must be at least 0 and below 1, got -0\.1$/],
    [
      { schedule: { kind: "step", everyEpochs: 0, factor: 0.5 } },
      /^schedule step: everyEpochs must be above 0, got 0$/,
    ],
    [{ averaging: { kind: "exponential", decay: 1 } }, /^averaging: decay must be at least 0 and below 1, got 1$/],
    [{ optimizer: { kind: "sgd", momentum: 1 } }, /^sgd: momentum must be at least 0 and below 1, got 1$/],
  ])("with %j is refused by the field's name, value and range", (changes, message) => {
    expect(refusal(() => checkRecipe({ ...RECIPE, ...changes }))).toMatch(message);
  });

  test.each([
    [{ optimizer: { kind: "lion" } }, /^run\.json: recipe field "optimizer\.kind"/],
    [
      { schedule: { kind: "cosine", restarts: 2 } },
      /^run\.json: recipe field "schedule\.restarts": expected no such field, found /,
    ],
    [{ augmentation: { shift: "1" } }, /^run\.json: recipe field "augmentation\.shift"/],
    [{ averaging: { kind: "lookahead", decay: 0.9 } }, /^run\.json: recipe field "averaging\.kind"/],
    [{ averaging: { kind: "exponential" } }, /^run\.json: recipe field "averaging\.decay"/],
    [{ epochs: null }, /^run\.json: recipe field "epochs"/],
    [
      { model: "resnet" },
      /^there is no model "resnet"; choose one of: base, enhanced, photos, resnet18, resnet18-kefth, tiny, light, champion, sprint, resnet18-imagenet, /,
    ],
    [{ epochs: 0 }, /^epochs must be a whole number/],
  ])("of a record with %j is refused", (changes, message) => {
    expect(refusal(() => recipeFromJson({ ...recipeToJson(RECIPE), ...changes }, "run.json"))).toMatch(message);
  });
});
