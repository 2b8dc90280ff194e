import { expect } from "vitest";
import { type Augmentation, augmentImage } from "../../src/data/augmentation.ts";
import { randomStream } from "../../src/random.ts";

/** One augmented image, with guard bytes around source and destination that must neither be read nor written. */
export function augmented(
  image: Uint8Array,
  geometry: { channels: number; height: number; width: number },
  augmentation: Augmentation,
  index: number,
  mirrored = false,
): Uint8Array {
  const source = new Uint8Array(image.length + 20).fill(201);
  source.set(image, 7);
  const destination = new Uint8Array(image.length + 20).fill(202);
  const draws = { stream: randomStream(5, "augment", index), mirrored };
  augmentImage(source, 7, destination, 13, geometry, augmentation, draws);
  expect(destination.subarray(0, 13).every((byte) => byte === 202)).toBe(true);
  expect(destination.subarray(13 + image.length).every((byte) => byte === 202)).toBe(true);
  return destination.slice(13, 13 + image.length);
}
