import { expect, test } from "vitest";
import { occludedImages, occlusionFor, occlusionGrid, occlusionMap } from "../../src/evaluation/occlusion.ts";

const GEOMETRY = { channels: 2, height: 4, width: 6 };
const OPTIONS = { patch: 4, stride: 2 };
const IMAGE = Uint8Array.from({ length: 48 }, (_, i) => i + 1);

/** Occluded pixels of the first channel, as text. */
function hidden(images: Uint8Array, place: number): string[] {
  const image = images.subarray(place * 48, (place + 1) * 48);
  return [0, 1, 2, 3].map((row) =>
    Array.from(image.subarray(row * 6, row * 6 + 6), (pixel) => (pixel === 0 ? "#" : ".")).join(""),
  );
}

test("each position occludes a patch centred on its cell, clipped at the edges, in all channels", () => {
  expect(occlusionGrid(GEOMETRY, OPTIONS)).toEqual({ rows: 2, columns: 3 });
  const images = occludedImages(IMAGE, GEOMETRY, OPTIONS);
  expect(images).toHaveLength(6 * 48);
  expect(hidden(images, 0)).toEqual(["###...", "###...", "###...", "......"]);
  expect(hidden(images, 1)).toEqual([".####.", ".####.", ".####.", "......"]);
  expect(hidden(images, 5)).toEqual(["......", "...###", "...###", "...###"]);
  for (let place = 0; place < 6; place++) {
    const image = images.subarray(place * 48, (place + 1) * 48);
    for (const [i, pixel] of IMAGE.entries()) {
      const isHidden = image[i % 24] === 0;
      expect(image[i]).toBe(isHidden ? 0 : pixel);
    }
  }
});

test("a grid whose last cell reaches over the edge covers the whole image", () => {
  const geometry = { channels: 1, height: 3, width: 5 };
  const options = { patch: 2, stride: 2 };
  expect(occlusionGrid(geometry, options)).toEqual({ rows: 2, columns: 3 });
  const images = occludedImages(new Uint8Array(15).fill(7), geometry, options);
  const everHidden = Array.from({ length: 15 }, (_, i) =>
    Array.from({ length: 6 }, (_, place) => images[place * 15 + i]).some((pixel) => pixel === 0),
  );
  expect(everHidden).toEqual(new Array(15).fill(true));
});

test("the map of a classifier that uses one pixel is high where that pixel is occluded, and low for the other class", () => {
  const geometry = { channels: 1, height: 4, width: 4 };
  const options = { patch: 1, stride: 1 };
  const image = new Uint8Array(16).fill(200);
  const looksAt = 6;
  /** The probability of class 0 increases with the brightness of the pixel. */
  const probabilities = (pixels: Uint8Array) =>
    Float32Array.from({ length: pixels.length / 8 }, (_, i) => {
      const bright = pixels[Math.floor(i / 2) * 16 + looksAt]! / 255;
      return i % 2 === 0 ? bright : 1 - bright;
    });
  const whole = probabilities(image);
  const occluded = probabilities(occludedImages(image, geometry, options));
  const expected = (value: number) => Float32Array.from({ length: 16 }, (_, i) => (i === looksAt ? value : 0));
  expect(occlusionMap(whole, occluded, 0)).toEqual(expected(whole[0]!));
  expect(occlusionMap(whole, occluded, 1)).toEqual(expected(whole[1]! - 1));
});

test("invalid patches and images are refused", () => {
  expect(() => occludedImages(new Uint8Array(47), GEOMETRY, OPTIONS)).toThrow("47 pixels are no image of 48");
  expect(() => occludedImages(IMAGE, GEOMETRY, { patch: 0, stride: 2 })).toThrow("patch is 0");
  expect(() => occludedImages(IMAGE, GEOMETRY, { patch: 4, stride: 1.5 })).toThrow("stride is 1.5");
});

test.each([
  [28, 6, 14],
  [96, 6, 48],
  [97, 30, 10],
  [224, 69, 10],
])("an image of %i pixels is occluded by patches of %i pixels at %i positions a row", (edge, patch, columns) => {
  const geometry = { channels: 3, height: edge, width: edge };
  expect(occlusionFor(geometry).patch).toBe(patch);
  expect(occlusionGrid(geometry, occlusionFor(geometry))).toEqual({ rows: columns, columns });
});
