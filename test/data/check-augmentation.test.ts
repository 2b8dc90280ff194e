import { describe, expect, test } from "vitest";
import { checkAugmentation } from "../../src/data/augmentation.ts";
import { UserError } from "../../src/errors.ts";

describe("checkAugmentation", () => {
  const geometry = { channels: 1, height: 28, width: 28 };
  const erasing = { probability: 0.5, areaFraction: [0.02, 0.4], aspectRatio: [0.3, 1 / 0.3], fill: "random" };
  // As from a recipe file, without type checks.
  const check = (json: object) => checkAugmentation(JSON.parse(JSON.stringify(json)), geometry);

  test.each([
    [{}],
    [{ horizontalFlip: "random", verticalFlip: true, shift: 2, randomErasing: erasing }],
    [{ horizontalFlip: "alternating", verticalFlip: false, shift: 0 }],
    [{ shift: 27 }],
    [{ randomErasing: { ...erasing, probability: 0, areaFraction: [0.5, 0.5], aspectRatio: [1, 1] } }],
    [{ randomErasing: { ...erasing, probability: 1, areaFraction: [0.01, 1], fill: "zero" } }],
    // Some of these shapes fit, though the steepest and the flattest do not.
    [{ randomErasing: { ...erasing, areaFraction: [0.5, 0.6], aspectRatio: [0.1, 4] } }],
  ])("%j is accepted", (augmentation) => {
    expect(() => check(augmentation)).not.toThrow();
  });

  test.each([
    [{ horizontalFlip: true }, `horizontalFlip is true; allowed is "random" or "alternating"`],
    [{ verticalFlip: "random" }, `verticalFlip is "random"; allowed is true or false`],
    [{ shift: -1 }, "shift is -1; allowed is a whole number of pixels from 0 to 27"],
    [{ shift: 1.5 }, "shift is 1.5"],
    [{ shift: 28 }, "shift is 28"],
    [{ shift: "2" }, `shift is "2"`],
    [{ cutout: 8 }, `there is no setting "cutout"; allowed are horizontalFlip, verticalFlip, shift, randomErasing`],
    [{ randomErasing: 0.5 }, "randomErasing is 0.5; allowed is an object"],
    [{ randomErasing: { ...erasing, value: 3 } }, `randomErasing: there is no setting "value"`],
    [
      { randomErasing: { ...erasing, probability: 1.1 } },
      "randomErasing.probability is 1.1; allowed is a number from 0 to 1",
    ],
    [{ randomErasing: { ...erasing, probability: "0.5" } }, "randomErasing.probability"],
    [{ randomErasing: { ...erasing, areaFraction: [0.4, 0.02] } }, "randomErasing.areaFraction is [0.4,0.02]"],
    [{ randomErasing: { ...erasing, areaFraction: [0, 0.4] } }, "0 < least <= largest <= 1"],
    [{ randomErasing: { ...erasing, areaFraction: [0.02, 1.2] } }, "randomErasing.areaFraction"],
    [{ randomErasing: { ...erasing, areaFraction: 0.3 } }, "randomErasing.areaFraction is 0.3"],
    [{ randomErasing: { ...erasing, aspectRatio: [0, 1] } }, "randomErasing.aspectRatio is [0,1]"],
    [{ randomErasing: { ...erasing, aspectRatio: [1, 2, 3] } }, "randomErasing.aspectRatio"],
    [{ randomErasing: { ...erasing, areaFraction: [0.5, 0.6], aspectRatio: [3, 4] } }, "something of 0.50 to 2.00"],
    [{ randomErasing: { ...erasing, areaFraction: [0.5, 0.6], aspectRatio: [0.1, 0.4] } }, "no rectangle of 0.5"],
    [{ randomErasing: { ...erasing, fill: "mean" } }, `randomErasing.fill is "mean"; allowed is "zero" or "random"`],
    [{ randomErasing: { probability: 0.5 } }, "randomErasing.areaFraction is undefined"],
  ])("%j is a usage error", (augmentation, message) => {
    expect(() => check(augmentation)).toThrow(UserError);
    expect(() => check(augmentation)).toThrow(message);
    try {
      check(augmentation);
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 2 });
    }
  });
});
