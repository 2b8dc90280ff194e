import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { findModel } from "../../src/models/index.ts";
import { flatten, linear } from "../../src/nn/index.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { checkOwnRecipe } from "../../src/recipes/own-recipe.ts";

const TASK = { channels: 1, height: 4, width: 4, classes: 2 };
const GOOD = {
  ...findRecipe("base"),
  name: "mine",
  model: { name: "my-net", layers: ({ classes }: { classes: number }) => [flatten(), linear(classes)] },
};

function refusal(value: unknown): string {
  try {
    const { model } = checkOwnRecipe(value, "my.mjs");
    model.layers(TASK);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).exitCode).toBe(2);
    return (error as UserError).message;
  }
  return "it was taken";
}

test("a valid custom recipe is accepted unchanged", () => {
  const { model, ...rest } = checkOwnRecipe(GOOD, "my.mjs");
  const { model: _, ...expected } = GOOD;
  expect(rest).toEqual(expected);
  expect(model.layers(TASK).map(({ kind }) => kind)).toEqual(["flatten", "fc"]);
});

test("a custom recipe may train a built-in model", () => {
  expect(checkOwnRecipe({ ...GOOD, model: findModel("enhanced") }, "my.mjs").model).toBe(findModel("enhanced"));
});

describe("each invalid field is reported by name", () => {
  const { epochs: _, ...withoutEpochs } = GOOD;
  const layers = (make: () => unknown) => ({ ...GOOD, model: { name: "my-net", layers: make } });
  test.each<[unknown, string | RegExp]>([
    [undefined, /^my\.mjs has no default export; write: export default \{/],
    ["base", /^my\.mjs: recipe: .*expected object/],
    [withoutEpochs, /recipe field "epochs": .*expected number/],
    [{ ...GOOD, epoch: 3 }, 'my.mjs: recipe field "epoch": expected no such field, found 3'],
    [{ ...GOOD, epochs: 0 }, /^my\.mjs: epochs must be a whole number from 1/],
    [{ ...GOOD, learningRate: "1e-3" }, /recipe field "learningRate": .*expected number/],
    [{ ...GOOD, optimizer: { kind: "adan" } }, /recipe field "optimizer\.kind"/],
    [
      { ...GOOD, optimizer: { kind: "sgd", momentun: 0.9 } },
      'my.mjs: recipe field "optimizer.momentun": expected no such field, found 0.9',
    ],
    [{ ...GOOD, optimizer: { kind: "sgd", momentum: 2 } }, /^my\.mjs: sgd: momentum must be/],
    [
      { ...GOOD, schedule: { kind: "cosine", finalFactor: 3 } },
      /^my\.mjs: schedule cosine: finalFactor must be from 0 to 1/,
    ],
    [{ ...GOOD, augmentation: { horizontalFlip: true } }, /recipe field "augmentation\.horizontalFlip"/],
    [{ ...GOOD, name: "my net/2" }, /recipe field "name": expected letters, digits/],
    [{ ...GOOD, name: "enhanced" }, /recipe field "name": "enhanced" is a recipe of tailor's; choose another name/],
    [{ ...GOOD, model: { ...GOOD.model, name: "base" } }, /recipe field "model\.name": "base" is a model of tailor's/],
    [{ ...GOOD, model: { name: "my-net" } }, /recipe field "model\.layers": expected a function/],
    [() => GOOD, 'my.mjs: recipe: expected object, found "(function)"'],
    [{ ...GOOD, model: () => [] }, 'my.mjs: recipe field "model": expected object, found "(function)"'],
    [{ ...GOOD, onEpoch: () => {} }, 'my.mjs: recipe field "onEpoch": expected no such field, found "(function)"'],
    [{ ...GOOD, epochs: 3n }, 'my.mjs: recipe field "epochs": expected number, found "3"'],
    [{ ...GOOD, model: "base" }, /recipe field "model": .*expected object/],
    [layers(() => linear(2)), 'my.mjs: model "my-net": layers() must give a list of layers'],
    [layers(() => []), 'my.mjs: model "my-net": layers() must give a list of layers'],
    [layers(() => [flatten(), linear]), /entry 1 of the layers is no layer \(function\); use conv2d/],
    [layers(() => [flatten(), undefined]), /entry 1 of the layers is no layer \(undefined\)/],
    [
      layers(() => {
        throw new TypeError("width is not a number");
      }),
      'my.mjs: model "my-net": layers() failed: width is not a number',
    ],
  ])("%#", (value, message) => {
    const told = refusal(value);
    if (typeof message === "string") expect(told).toBe(message);
    else expect(told).toMatch(message);
  });
});
