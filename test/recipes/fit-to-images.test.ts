import { describe, expect, test } from "vitest";
import { stepsIn } from "../../src/data/batches.ts";
import { modelFacts } from "../../src/nn/model-facts.ts";
import { type FitOptions, fitToImages } from "../../src/recipes/fit-to-images.ts";
import { base, enhanced, RECIPES, tiny } from "../../src/recipes/index.ts";

const gray = { channels: 1, height: 28, width: 28, classes: 10 };
const photos = { channels: 3, height: 64, width: 64, classes: 6 };

describe("a recipe fitted to the number of images", () => {
  test.each([768, 1000, 6000, 55_000])("is unchanged for %i images if it already has 300 steps", (images) => {
    for (const recipe of RECIPES.filter(({ epochs, batchSize }) => stepsIn(epochs, images, batchSize) >= 300)) {
      expect(fitToImages(recipe, { images, task: gray })).toEqual({ recipe });
    }
  });

  test.each([
    // images, batch, epochs: six batches make an epoch, of 8 images at least; 300 steps
    [767, 64, 26],
    [800, 128, 48],
    [160, 16, 30],
    [146, 16, 33],
    [72, 8, 34],
    [32, 8, 75],
    [9, 8, 267],
    [4, 4, 300],
    [2, 2, 300],
  ])("for %i images has batches of %i and %i epochs", (images, batchSize, epochs) => {
    const { recipe, fittedFrom } = fitToImages(enhanced, { images, task: photos });
    expect(recipe).toEqual({ ...enhanced, batchSize, epochs });
    expect(fittedFrom).toEqual({ batchSize: 128, epochs: 12 });
    expect(stepsIn(epochs, images, batchSize)).toBeGreaterThanOrEqual(300);
  });

  test("keeps its epochs if there are already enough", () => {
    expect(fitToImages({ ...tiny, epochs: 90 }, { images: 100, task: gray }).recipe).toMatchObject({
      batchSize: 16,
      epochs: 90,
    });
  });

  test.each<[FitOptions["given"], object]>([
    [["batchSize"], { batchSize: 128, epochs: 384 }],
    [["epochs"], { batchSize: 16, epochs: 12 }],
    [["batchSize", "epochs"], { batchSize: 128, epochs: 12 }],
  ])("does not change given fields: %j", (given, expected) => {
    expect(fitToImages(base, { images: 100, task: gray, given }).recipe).toMatchObject(expected);
  });

  test("uses no more epochs than about ten minutes allow, and never fewer than the recipe's", () => {
    const wide = { channels: 3, height: 512, width: 512, classes: 2 };
    const { recipe } = fitToImages(enhanced, { images: 100, task: wide });
    const { multiplyAdds } = modelFacts(enhanced.model, wide);
    expect(recipe.epochs).toBe(Math.floor(3e13 / (3 * multiplyAdds * 100)));
    expect(recipe.epochs).toBeLessThan(48);
    expect(fitToImages({ ...enhanced, epochs: 40 }, { images: 100, task: wide }).recipe.epochs).toBe(40);
  });
});
