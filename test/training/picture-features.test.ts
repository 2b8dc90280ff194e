/** Features are computed once for the same pictures and network, and never read from a damaged file. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ImageSet, selectImages } from "../../src/data/image-set.ts";
import type { PictureCache } from "../../src/data/node/picture-cache.ts";
import { photos } from "../../src/recipes/index.ts";
import type { Views } from "../../src/recipes/recipe.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { trainingValues } from "../../src/training/node/picture-features.ts";
import { numberedSet } from "../data/fixtures.ts";
import { put } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { allRows } from "../support/all-rows.ts";
import { otherNetwork } from "./support/backbones.ts";
import { sharedFolder } from "./support/small-data.ts";

const folder = sharedFolder();
put(folder, { "net.onnx": otherNetwork() });
const { backbone } = await openBackbone(join(folder, "net.onnx"), { threads: 1, report: () => {} });

/** Images that no other test has. */
const imagesOf = (seed: number): ImageSet =>
  numberedSet(11, { channels: 3, height: 16, width: 16, pixel: (image, at) => (image * 37 + at * seed) % 256 });

async function computed(set: ImageSet, cache?: PictureCache, before = 0, views?: Views) {
  const [said, counted] = [[] as string[], [] as number[]];
  const data = { train: set, validation: null };
  const options = {
    threads: 1,
    report: (line: string) => said.push(line),
    onImages: (done: number) => counted.push(done),
  };
  const recipe = { backbone, augmentation: views ? photos.augmentation : {}, ...(views ? { views } : {}) };
  const { train } = await trainingValues(recipe, data, {
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
  expect(features.images).toMatchObject({ count: 11, size: 8, dtype: "float32" });
  expect(counted).toEqual([8, 11]);
  // Whatever batch an image is in.
  const last = await computed(selectImages(imagesOf(1), Uint32Array.of(8, 9, 10)));
  expect(features.images.read(8, 11)).toBeClose(allRows(last.features.images), { tolerance: 1e-5 });
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
  expect(allRows(kept.features.images)).toEqual(allRows(features.images));

  await forget(cache);
  const bytes = readFileSync(join(cache.folder, name));
  bytes[bytes.length - 3]! ^= 1;
  writeFileSync(join(cache.folder, name), bytes);
  const damaged = await computed(imagesOf(2), cache);
  expect(damaged.said).toEqual([expect.stringMatching(/\.features is damaged: the features are computed again/)]);
  expect(allRows(damaged.features.images)).toEqual(allRows(features.images));
});

test("a cache that cannot be written is reported, and training goes on", async () => {
  const file = join(temporaryFolder(), "a file");
  writeFileSync(file, "");
  const { features, said } = await computed(imagesOf(3), cacheIn(join(file, "cache")));
  expect(features.images).toMatchObject({ count: 11, size: 8, dtype: "float32" });
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
  expect(allRows(features.images)).toBeClose(allRows(fresh.features.images), { tolerance: 1e-5 });
});

describe("of several views of each image", () => {
  const THREE = { count: 3, seed: 1 };
  const viewsOf = async (set: ImageSet, views: Views, cache = cacheIn(temporaryFolder())) => {
    const { features, counted } = await computed(set, cache, 0, views);
    const { count } = set;
    const each = Array.from({ length: views.count }, (_, v) => features.images.read(v * count, (v + 1) * count));
    return { features, counted, each };
  };

  test("the first is the image itself, the others are augmented, each with draws of its own", async () => {
    const plain = await computed(imagesOf(11));
    // Four, as every second one is mirrored and so different anyway.
    const { features, counted, each } = await viewsOf(imagesOf(11), { ...THREE, count: 4 });
    expect(features).toMatchObject({ count: 11, views: 4, channels: 8 });
    expect(features.labels).toHaveLength(11);
    // The image itself was computed before.
    expect(counted).toEqual([19, 22, 30, 33, 41, 44]);
    expect(each[0]).toEqual(allRows(plain.features.images));
    const rows = each.flatMap((view) => Array.from({ length: 11 }, (_, i) => view.subarray(8 * i, 8 * i + 8).join()));
    expect(new Set(rows).size).toBe(44);
  });

  test("more views are further ones, another seed gives others, and they are kept by both", async () => {
    const cache = cacheIn(temporaryFolder());
    const { each } = await viewsOf(imagesOf(12), THREE, cache);
    await forget(cache);
    expect((await viewsOf(imagesOf(12), THREE, cache)).counted).toEqual([]);
    const four = await viewsOf(imagesOf(12), { ...THREE, count: 4 }, cache);
    expect(four.counted).toEqual([41, 44]);
    expect(four.each.slice(0, 3)).toEqual(each);
    const other = await viewsOf(imagesOf(12), { ...THREE, seed: 2 }, cache);
    expect(other.each[0]).toEqual(each[0]);
    expect(other.each[1]).not.toEqual(each[1]);
  });

  test("those of images in a set that has grown stay the same", async () => {
    const cache = cacheIn(temporaryFolder());
    const six = selectImages(imagesOf(13), Uint32Array.of(0, 1, 2, 3, 4, 5));
    const few = await viewsOf(six, THREE, cache);
    const { features, counted } = await computed(imagesOf(13), cache, 6, THREE);
    expect(counted).toEqual([11, 22, 33]);
    expect(features.images.read(11, 17)).toEqual(few.each[1]);
  });
});
