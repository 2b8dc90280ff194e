/** Real images, few of them: what training, evaluation and the command line are tested with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { ImageSet } from "../../../src/data/image-set.ts";
import { selectImages } from "../../../src/data/image-set.ts";
import { memoryRows } from "../../../src/data/rows.ts";
import { idxBytes, writeFiles } from "../../data/fixtures.ts";
import { allRows } from "../../support/all-rows.ts";
import { fashionMnist } from "../../support/fashion-mnist.ts";

/** A folder for the whole test file, removed when it is over. Call it outside of tests. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tailor-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The first images of a set. */
export function firstImages(set: ImageSet, count: number): ImageSet {
  return selectImages(
    set,
    Uint32Array.from({ length: count }, (_, i) => i),
  );
}

/** Every second pixel of every second row: 14 x 14 images take a quarter of the time and are still told apart. */
export function halved(set: ImageSet): ImageSet {
  const [height, width] = [set.height / 2, set.width / 2];
  const whole = allRows(set.images);
  const images = new Uint8Array(set.count * set.channels * height * width);
  for (let i = 0; i < images.length; i++) {
    const [row, column] = [Math.floor(i / width), i % width];
    images[i] = whole[row * 2 * set.width + column * 2]!;
  }
  return { ...set, height, width, images: memoryRows(images, set.channels * height * width) };
}

/** The four IDX files of a set of images to train with and one to test. */
function idxFiles({ train, test }: { train: ImageSet; test: ImageSet }): Map<string, Uint8Array> {
  const images = (set: ImageSet) => idxBytes([set.count, set.height, set.width], allRows(set.images));
  const labels = (set: ImageSet) => idxBytes([set.count], set.labels);
  return new Map([
    ["train-images-idx3-ubyte", images(train)],
    ["train-labels-idx1-ubyte", labels(train)],
    ["t10k-images-idx3-ubyte", images(test)],
    ["t10k-labels-idx1-ubyte", labels(test)],
  ]);
}

/** A data folder with the first images of Fashion-MNIST; one training image in twelve validates. */
export async function smallDataFolder({ train = 1200, test = 130, isHalved = false } = {}): Promise<string> {
  const folder = join(sharedFolder(), "data");
  const all = await fashionMnist();
  const first = (set: ImageSet, count: number) =>
    isHalved ? halved(firstImages(set, count)) : firstImages(set, count);
  const sets = { train: first(all.train, train), test: first(all.test, test) };
  await writeFiles(folder, idxFiles(sets), { packed: false });
  return folder;
}
