import { describe, expect, test } from "vitest";
import type { RandomErasing } from "../../src/data/random-erasing.ts";
import { drawRectangle } from "../../src/data/random-erasing.ts";
import { randomStream } from "../../src/random.ts";
import { augmented } from "./augmented.ts";

describe("random erasing", () => {
  const geometry = { channels: 2, height: 28, width: 20 };
  const white = new Uint8Array(2 * 28 * 20).fill(255);
  const erasing: RandomErasing = { probability: 1, areaFraction: [0.05, 0.3], aspectRatio: [0.4, 2.5], fill: "zero" };

  /** The erased box of one channel, located in the picture. */
  function box(image: Uint8Array, channel: number): { top: number; left: number; height: number; width: number } {
    const erased = [...image.subarray(channel * 560, (channel + 1) * 560).entries()].filter(([, byte]) => byte === 0);
    const rows = erased.map(([at]) => Math.floor(at / 20));
    const columns = erased.map(([at]) => at % 20);
    const [top, left] = [Math.min(...rows), Math.min(...columns)];
    const [height, width] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
    expect(erased.length, "the box is filled").toBe(height * width);
    return { top, left, height, width };
  }

  test("a box is blackened, the same one in each channel, with area and height / width in range", () => {
    const tops = new Set<number>();
    const areas: number[] = [];
    for (let i = 0; i < 1500; i++) {
      const image = augmented(white, geometry, { randomErasing: erasing }, i);
      const { top, left, height, width } = box(image, 0);
      expect(box(image, 1)).toEqual({ top, left, height, width });
      // Both sides were rounded to whole pixels, by at most one half.
      expect((height - 0.5) * (width - 0.5)).toBeLessThanOrEqual(0.3 * 560);
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThanOrEqual(0.05 * 560);
      expect((height - 0.5) / (width + 0.5)).toBeLessThanOrEqual(2.5);
      expect((height + 0.5) / (width - 0.5)).toBeGreaterThanOrEqual(0.4);
      tops.add(top).add(top + height);
      areas.push((height * width) / 560);
    }
    expect(tops.has(0) && tops.has(28)).toBe(true); // the edges are reached
    expect(Math.min(...areas)).toBeLessThan(0.07);
    expect(Math.max(...areas)).toBeGreaterThan(0.26);
  });

  test("area and height / width are uniform in their ranges, as in the paper's algorithm", () => {
    const image = { channels: 1, height: 4000, width: 4000 };
    const small: RandomErasing = { ...erasing, areaFraction: [0.01, 0.05], aspectRatio: [0.3, 3.3] };
    let area = 0;
    let aspect = 0;
    const draws = 4000;
    for (let i = 0; i < draws; i++) {
      const { height, width } = drawRectangle(image, small, randomStream(1, "augment", i))!;
      area += (height * width) / 16e6 / draws;
      aspect += height / width / draws;
    }
    // Standard deviations of the means: 0.04 / sqrt(12 x 4000) and 3 / sqrt(12 x 4000). Log-uniform ratios average
    // 1.25.
    expect(Math.abs(area - 0.03)).toBeLessThan(5 * 0.00018);
    expect(Math.abs(aspect - 1.8)).toBeLessThan(5 * 0.0137);
  });

  test("an image is erased as often as the probability says: never, one time in four, always", () => {
    const erased = (probability: number) => {
      let count = 0;
      for (let i = 0; i < 2000; i++) {
        const image = augmented(white, geometry, { randomErasing: { ...erasing, probability } }, i);
        if (image.includes(0)) count++;
      }
      return count;
    };
    expect(erased(0)).toBe(0);
    expect(Math.abs(erased(0.25) - 500)).toBeLessThan(5 * 19.4);
    expect(erased(1)).toBe(2000);
  });

  test("random bytes fill the same box as black, all 256 equally often and different in each channel", () => {
    const counts = new Array<number>(256).fill(0);
    let equalChannels = 0;
    for (let i = 0; i < 400; i++) {
      const { top, left, height, width } = box(augmented(white, geometry, { randomErasing: erasing }, i), 0);
      const image = augmented(white, geometry, { randomErasing: { ...erasing, fill: "random" } }, i);
      for (let at = 0; at < 560; at++) {
        const [row, column] = [Math.floor(at / 20) - top, (at % 20) - left];
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        if (!inside) expect(image[at]! & image[at + 560]!).toBe(255);
        else {
          counts[image[at]!]!++;
          equalChannels += image[at] === image[at + 560] ? 1 : 0;
        }
      }
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    const chiSquare = counts.reduce((sum, count) => sum + (count - total / 256) ** 2 / (total / 256), 0);
    expect(chiSquare).toBeLessThan(330.5); // 0.1 % point, 255 degrees of freedom
    expect(equalChannels / total).toBeLessThan(0.01); // 1/256 by chance
  });

  test("the box is erased after the shift, which does not move it", () => {
    for (let i = 0; i < 50; i++) {
      const erasedOnly = box(augmented(white, geometry, { randomErasing: erasing }, i), 0);
      const image = augmented(white, geometry, { shift: 4, randomErasing: erasing }, i);
      const { top, left, height, width } = erasedOnly;
      for (let row = top; row < top + height; row++) {
        for (let column = left; column < left + width; column++) expect(image[row * 20 + column]).toBe(0);
      }
    }
  });

  test("a size that does not fit is drawn again: the box is always inside the image", () => {
    const large: RandomErasing = { ...erasing, areaFraction: [0.4, 1], aspectRatio: [0.2, 5] };
    for (let i = 0; i < 1000; i++) {
      const { top, left, height, width } = drawRectangle(geometry, large, randomStream(2, "augment", i))!;
      expect(Math.min(top, left), `draw ${i}`).toBeGreaterThanOrEqual(0);
      expect(top + height, `draw ${i}`).toBeLessThanOrEqual(28);
      expect(left + width, `draw ${i}`).toBeLessThanOrEqual(20);
    }
  });

  test("if no size fits, the image is unchanged", () => {
    const tall: RandomErasing = { ...erasing, areaFraction: [0.9, 0.9], aspectRatio: [30, 30] };
    expect(drawRectangle(geometry, tall, randomStream(1, "augment"))).toBeUndefined();
  });
});
