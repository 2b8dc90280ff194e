import { describe, expect, test } from "vitest";
import { checkLabels, createImageSet, imageBytes, pixelStatistics, selectImages } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { numberedSet } from "./fixtures.ts";

describe("createImageSet", () => {
  const parts = { channels: 2, height: 3, width: 5, classNames: ["a", "b"] };

  test("the count follows from the pixels", () => {
    const set = createImageSet({ ...parts, images: new Uint8Array(4 * 30), labels: new Uint8Array(4) }, "here");
    expect(set.count).toBe(4);
    expect(imageBytes(set)).toBe(30);
  });

  test.each([3, 5])("%i labels for 4 images are refused", (labels) => {
    const make = () =>
      createImageSet({ ...parts, images: new Uint8Array(4 * 30), labels: new Uint8Array(labels) }, "my labels");
    expect(make).toThrow(UserError);
    expect(make).toThrow(`my labels: there must be one label per image, but ${labels} labels for 4 images`);
  });

  test("a label that is not a class is refused, naming file, index and value", () => {
    const labels = Uint8Array.of(0, 1, 2, 7);
    const make = () => createImageSet({ ...parts, images: new Uint8Array(4 * 30), labels }, "my labels");
    expect(make).toThrow("my labels: label 2 is 2, but the 2 classes are 0 to 1");
  });

  test("the last class is a class", () => {
    expect(() => checkLabels(Uint8Array.of(0, 1), ["a", "b"], "x")).not.toThrow();
  });
});

describe("selectImages", () => {
  const set = numberedSet(6, { channels: 2, height: 2, width: 3, pixel: (image, offset) => image * 20 + offset });

  test("pixels and labels are in the order of the indices, and may repeat", () => {
    const chosen = selectImages(set, Uint32Array.of(5, 0, 5));
    expect(chosen.count).toBe(3);
    expect([...chosen.labels]).toEqual([5, 0, 5]);
    const image = (i: number) => Array.from({ length: 12 }, (_, offset) => i * 20 + offset);
    expect([...allRows(chosen.images)]).toEqual([...image(5), ...image(0), ...image(5)]);
    expect(chosen).toMatchObject({ channels: 2, height: 2, width: 3, classNames: set.classNames });
  });

  test("later changes of the indices change nothing", () => {
    const indices = Uint32Array.of(1);
    const chosen = selectImages(set, indices);
    indices[0] = 3;
    expect(chosen.images.read(0, 1)[0]).toBe(20);
  });

  test("an index beyond the set is a RangeError, not an image of zeros", () => {
    expect(() => selectImages(set, Uint32Array.of(6))).toThrow(RangeError);
  });
});

describe("pixelStatistics", () => {
  test("each channel has its own mean and population deviation, in units of 0..1", () => {
    // Channel 0 holds 0, 255, 0, 255; channel 1 holds 51, 51, 102, 204.
    const images = Uint8Array.of(0, 255, 51, 51, 0, 255, 102, 204);
    const set = {
      images: memoryRows(images, 4),
      labels: new Uint8Array(2),
      count: 2,
      channels: 2,
      height: 1,
      width: 2,
      classNames: ["a"],
    };
    const { mean, standardDeviation } = pixelStatistics(set);
    expect(mean).toBeClose([0.5, 0.4], { tolerance: 1e-15 });
    // Deviations of 0.2, 0.2, 0.4, 0.8 from 0.4 squared: 0.04, 0.04, 0, 0.16; their mean is 0.06.
    expect(standardDeviation).toBeClose([0.5, Math.sqrt(0.06)], { tolerance: 1e-15 });
  });

  test("equal pixels have a deviation of exactly 0, and the order of images changes nothing", () => {
    expect(pixelStatistics(numberedSet(3, { pixel: () => 77 })).standardDeviation).toEqual([0]);
    const set = numberedSet(50, { pixel: (image, offset) => image * 5 + offset });
    const reversed = selectImages(
      set,
      Uint32Array.from({ length: 50 }, (_, i) => 49 - i),
    );
    expect(pixelStatistics(reversed)).toEqual(pixelStatistics(set));
  });

  test("an empty set is refused instead of giving NaN", () => {
    expect(() => pixelStatistics(numberedSet(0))).toThrow(RangeError);
  });
});
