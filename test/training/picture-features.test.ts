/** Features are computed once for the same pictures and network, and never read from a damaged file. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ImageSet, selectImages } from "../../src/data/image-set.ts";
import type { PictureCache } from "../../src/data/node/picture-cache.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { trainingValues } from "../../src/training/node/picture-features.ts";
import { numberedSet } from "../data/fixtures.ts";
import { put } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { otherNetwork } from "./support/backbones.ts";
import { sharedFolder } from "./support/small-data.ts";

const folder = sharedFolder();
put(folder, { "net.onnx": otherNetwork() });
const { backbone } = await openBackbone(join(folder, "net.onnx"), { threads: 1, report: () => {} });

/** Images that no other test has. */
const imagesOf = (seed: number): ImageSet =>
  numberedSet(11, { channels: 3, height: 16, width: 16, pixel: (image, at) => (image * 37 + at * seed) % 256 });

async function computed(set: ImageSet, cache?: PictureCache, before = 0) {
  const [said, counted] = [[] as string[], [] as number[]];
  const data = { train: set, validation: null };
  const options = {
    threads: 1,
    report: (line: string) => said.push(line),
    onImages: (done: number) => counted.push(done),
  };
  const { train } = await trainingValues({ backbone }, data, {
    ...options,
    cache,
    before: { train: before, validation: 0 },
  });
  return { features: train, said, counted };
}

/** Other sets take the place of those in memory. */
async function forget(cache: PictureCache): Promise<void> {
  for (let seed = 101; seed < 105; seed++) await computed(imagesOf(seed), cache);
}

const cacheIn = (name: string, limits: Partial<PictureCache> = {}): PictureCache => ({
  ...{ folder: name, minSeconds: 0, settledSeconds: 0, maxSetBytes: 1e9, maxSets: 20, maxBytes: 1e9 },
  ...limits,
});

test("features are [count, features], in batches, with progress; a second time they are those in memory", async () => {
  const { features, counted } = await computed(imagesOf(1));
  expect(features).toMatchObject({ count: 11, channels: 8, height: 1, width: 1 });
  expect(features.images).toHaveLength(11 * 8);
  expect(counted).toEqual([8, 11]);
  // Whatever batch an image is in.
  const last = await computed(selectImages(imagesOf(1), Uint32Array.of(8, 9, 10)));
  expect(features.images.subarray(8 * 8)).toBeClose(last.features.images, { tolerance: 1e-5 });
  const again = await computed(imagesOf(1));
  expect(again.features.images).toBe(features.images);
  expect(again.counted).toEqual([]);
});

test("features are kept on disk; a damaged file is reported and computed again", async () => {
  const cache = cacheIn(temporaryFolder());
  const { features } = await computed(imagesOf(2), cache);
  const [name] = readdirSync(cache.folder).filter((file) => file.endsWith(".features")) as [string];
  await forget(cache);
  const kept = await computed(imagesOf(2), cache);
  expect(kept).toMatchObject({ counted: [], said: [] });
  expect(kept.features.images).toEqual(features.images);

  await forget(cache);
  const bytes = readFileSync(join(cache.folder, name));
  bytes[bytes.length - 3]! ^= 1;
  writeFileSync(join(cache.folder, name), bytes);
  const damaged = await computed(imagesOf(2), cache);
  expect(damaged.said).toEqual([expect.stringMatching(/\.features is damaged: the features are computed again/)]);
  expect(damaged.features.images).toEqual(features.images);
});

test("a cache that cannot be written is reported, and training goes on", async () => {
  const file = join(temporaryFolder(), "a file");
  writeFileSync(file, "");
  const { features, said } = await computed(imagesOf(3), cacheIn(join(file, "cache")));
  expect(features.images).toHaveLength(11 * 8);
  expect(said).toEqual([expect.stringMatching(/the features could not be kept .* TAILOR_PICTURE_CACHE=off/)]);
});

test("of a set that has grown, only the new images are computed, and the whole is kept", async () => {
  const cache = cacheIn(temporaryFolder());
  const whole = imagesOf(7);
  await computed(selectImages(whole, Uint32Array.of(0, 1, 2, 3, 4, 5)), cache);
  await forget(cache);
  const { features, counted } = await computed(whole, cache, 6);
  expect(counted).toEqual([11]);
  await forget(cache);
  expect((await computed(whole, cache)).counted).toEqual([]);
  await forget(cache);
  const fresh = await computed(whole, cacheIn(temporaryFolder()));
  expect(fresh.counted).toEqual([8, 11]);
  expect(features.images).toBeClose(fresh.features.images, { tolerance: 1e-5 });
});
