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
    [{ randomResizedCrop: { scale: [0.1, 1], ratio: [0.75, 4 / 3] }, rotation: 180, zoom: [0.5, 2] }],
    [{ colorJitter: {} }],
    [{ colorJitter: { brightness: 1, contrast: 0.4, saturation: 0, hue: 0.5 } }],
    [{ blur: { probability: 1, sigma: [0.1, 14] } }],
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
    [
      { cutout: 8 },
      `there is no setting "cutout"; allowed are horizontalFlip, verticalFlip, shift, randomErasing, mixing`,
    ],
    [{ mixing: "cutmix" }, 'mixing is "cutmix"; allowed is an object'],
    [{ mixing: { kind: "fmix", probability: 1, alpha: 1 } }, `mixing.kind is "fmix"; allowed is "mixup" or "cutmix"`],
    [
      { mixing: { kind: "mixup", probability: 2, alpha: 1 } },
      "mixing.probability is 2; allowed is a number from 0 to 1",
    ],
    [{ mixing: { kind: "mixup", probability: 1, alpha: 0 } }, "mixing.alpha is 0; allowed is a number above 0"],
    [{ mixing: { kind: "mixup", probability: 1, alpha: 1, beta: 1 } }, `mixing: there is no setting "beta"`],
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
    [{ randomResizedCrop: true }, "randomResizedCrop is true; allowed is an object"],
    [{ randomResizedCrop: { scale: [0.5, 1] } }, "randomResizedCrop.ratio is undefined; allowed is [least, largest]"],
    [{ randomResizedCrop: { scale: [0.5, 1.1], ratio: [1, 1] } }, "randomResizedCrop.scale is [0.5,1.1]"],
    [{ randomResizedCrop: { scale: [0, 1], ratio: [1, 1] } }, "0 < least <= largest <= 1"],
    [{ randomResizedCrop: { scale: [0.5, 1], ratio: [2, 1] } }, "randomResizedCrop.ratio is [2,1]"],
    [{ rotation: -5 }, "rotation is -5; allowed is a number of degrees from 0 to 180"],
    [{ rotation: [0, 10] }, "rotation is [0,10]"],
    [{ zoom: 1.2 }, "zoom is 1.2; allowed is [least, largest] with 0.1 <= least <= largest <= 10"],
    [{ zoom: [0, 2] }, "zoom is [0,2]"],
    [{ colorJitter: 0.4 }, "colorJitter is 0.4; allowed is an object"],
    [{ colorJitter: { gamma: 2 } }, `colorJitter: there is no setting "gamma"`],
    [{ colorJitter: { hue: 0.6 } }, "colorJitter.hue is 0.6; allowed is a number from 0 to 0.5"],
    [{ colorJitter: { contrast: 1.5 } }, "colorJitter.contrast is 1.5; allowed is a number from 0 to 1"],
    [{ blur: { probability: 2, sigma: [1, 2] } }, "blur.probability is 2; allowed is a number from 0 to 1"],
    [{ blur: { probability: 0.5, sigma: [0, 2] } }, "blur.sigma is [0,2]; allowed is [least, largest]"],
    [{ blur: { probability: 0.5, sigma: [1, 15] } }, "0 < least <= largest <= 14"],
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
