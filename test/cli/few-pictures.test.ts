/** Few pictures: what `data inspect` prints trains a network that knows its classes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { base } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { putNoise, putShapes } from "../data/picture-fixtures.ts";
import { IS_THOROUGH, THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { startTailor, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();

interface Trained {
  readonly run: string;
  readonly epochs: number;
  readonly evaluation: { readonly accuracy: number; readonly total: number };
}

/**
 * The words behind "node bin/tailor.js" in the command that `data inspect` prints, which has no spaces in its words
 * here.
 */
async function printedCommand(folder: string, options: readonly string[]): Promise<string[]> {
  const { stdout } = await tailor(["data", "inspect", folder, ...options]);
  return /^to train, .*: node bin\/tailor\.js (.*)$/m.exec(stdout)![1]!.split(" ");
}

describe("pictures of coloured shapes", () => {
  test.each([
    // The fewest, and the most classes; test/recipes/fit-to-images has the sizes between.
    ...(IS_THOROUGH
      ? ([
          [2, 40, 8],
          [2, 100, 16],
          [3, 30, 8],
          [10, 20, 16],
        ] as const)
      : []),
    [2, 20, 8] as const,
  ])(
    "%i classes of %i: the printed command reaches an accuracy of 0.95 on the test images",
    async (classes, images, batchSize) => {
      const [folder, out] = [join(FOLDER, `${classes}x${images}`), join(FOLDER, `run-${classes}x${images}`)];
      await putShapes(folder, { classes, images });
      // Small images take less time.
      const command = await printedCommand(folder, ["--size", "12"]);
      expect(command).toEqual(["train", "enhanced", "--data", folder, "--size", "12"]);
      const trained = await tailorJson<Trained>([...command, "--evaluate", "test", "--skip-report", "--out", out]);
      expect(trained.evaluation.accuracy).toBeGreaterThanOrEqual(0.95);
      const record = readRunRecord(out);
      expect(record).toMatchObject({ batchSize, fittedFrom: { batchSize: 128, epochs: 12 } });
      expect(record.recipe).toMatchObject({ batchSize, epochs: trained.epochs });
    },
  );

  test("photos of 96 pixels, without --size, are trained at 96 by photos, else at 64", THOROUGH, async () => {
    const folder = join(FOLDER, "as they come");
    await putShapes(folder, { classes: 2, images: 20 });
    const { stdout } = await tailor(["data", "inspect", folder]);
    expect(stdout).toContain("training would see 3x96x96 images");
    for (const [recipe, size] of [
      ["photos", 96],
      ["tiny", 64],
    ] as const) {
      const out = join(FOLDER, `large ${recipe}`);
      const run = await tailorJson<Trained>([
        ...["train", recipe, "--data", folder, "--epochs", "1", "--batch-size", "32", "--skip-report", "--out", out],
      ]);
      expect(readRunRecord(run.run).data.image).toEqual({ channels: 3, height: size, width: size });
    }
  });
});

test("adapted values are printed; given values are used", async () => {
  const folder = join(FOLDER, "printed");
  await putShapes(folder, { classes: 2, images: 20 });
  const train = ["train", "tiny", "--data", folder, "--size", "8", "--skip-report"];
  const chosen = startTailor([...train, "--batch-size", "16", "--out", join(FOLDER, "chosen")]);
  await chosen.hasSaid("32 images, 150 epochs, batch 16 (chosen for so few images; the recipe has 30 epochs), seed 1");
  chosen.child.kill("SIGKILL");
  const given = await tailor([
    ...train,
    ...["--batch-size", "32", "--epochs", "2", "--out", join(FOLDER, "given"), "--evaluate", "validation"],
  ]);
  expect(given.stderr).toContain("32 images, 2 epochs, batch 32, seed 1");
});

test("overfitting is reported at the end, with what to try", THOROUGH, async () => {
  // Noise: there is nothing to learn but the images themselves.
  const [folder, recipe] = [join(FOLDER, "noise"), join(FOLDER, "by-heart.json")];
  await putNoise(folder, { classes: 2, images: 200 });
  const byHeart = { ...recipeToJson(base), name: "by-heart", epochs: 40, batchSize: 32, augmentation: {} };
  writeFileSync(recipe, JSON.stringify(byHeart));
  const trained = await tailor([
    "train",
    recipe,
    "--data",
    folder,
    "--size",
    "16",
    "--skip-report",
    "--out",
    join(FOLDER, "noisy"),
  ]);
  expect(trained.stderr).toMatch(
    /Training accuracy \d+\.\d % is far above validation accuracy \d+\.\d %: .* by heart\. Try more images/,
  );
});
