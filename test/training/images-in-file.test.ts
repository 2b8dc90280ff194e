import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { duplicatePairs } from "../../src/data/duplicates.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { writeRunReport } from "../../src/experiments/run-report.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { smallEnhanced } from "./support/jobs.ts";
import { sharedFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const PHOTOS = join(FOLDER, "photos");
const SIZE = 64;
/** All of them are 1.5 MB, those to train 1.3. */
await putClasses(PHOTOS, { stripes: 40, lines: 40, slants: 40 }, { width: 20, height: 20 });
/** Rows are read in parts of this size, or in batches, which are smaller here. */
const PART = 2 ** 20;

/** Batch norm, whose statistics are estimated again, and everything that `photos` does to images. */
const recipe = {
  ...findRecipe("photos"),
  model: smallEnhanced,
  ...{ epochs: 2, batchSize: 16, sampling: "balanced" as const },
};

/** Images whose largest read is counted, in bytes. */
function counted<Set extends ImageSet>(set: Set, count: (bytes: number) => void): Set {
  const { images } = set;
  const read = (start: number, end: number) => {
    count((end - start) * images.size);
    return images.read(start, end);
  };
  return { ...set, images: { ...images, read } };
}

/** Loads, trains, evaluates, reports and looks for duplicates, with images in memory or in a file. */
async function results(kind: "memory" | "file") {
  const cache = join(FOLDER, `cache-${kind}`);
  vi.stubEnv("TAILOR_CACHE", cache);
  vi.stubEnv("TAILOR_PICTURE_MEMORY", kind === "file" ? "0" : "");
  const loaded = await loadCustomData(PHOTOS, { size: SIZE });
  let largest = 0;
  const count = (bytes: number) => {
    largest = Math.max(largest, bytes);
  };
  const data: LoadedData = { ...loaded, train: counted(loaded.train, count), test: counted(loaded.test, count) };
  const options = { data, threads: 1, lowering: "standard", runtime: nodeRuntime } as const;
  const out = join(FOLDER, kind);
  const run = await trainNewRun({ recipe, seed: 1, trainOn: "split", limit: null, out }, options);
  const metrics = await evaluateRun(out, { data, split: "test", averageFlips: true, threads: 1 });
  const { plots } = await writeRunReport(out, { data, threads: 1 });
  const pairs = duplicatePairs(data.train, data.test, { distance: 0.1 });
  return { loaded, run, metrics, plots, pairs, largest, cache };
}

const memory = await results("memory");
const file = await results("file");
afterAll(() => {
  vi.unstubAllEnvs();
});

describe("images in a file instead of memory", () => {
  test("are the same, and the file has no name", () => {
    expect(file.loaded).toEqual(memory.loaded);
    // The folder shows that a file was made.
    expect(existsSync(memory.cache)).toBe(false);
    expect(readdirSync(file.cache, { recursive: true })).toEqual([]);
  });

  test("give the same weights bit for bit, and the same record but for the times", () => {
    const [one, other] = [memory, file].map(({ run }) => (run.isFinished ? run.record : undefined));
    expect(one!.result!.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(other!.result!.weightsSha256).toBe(one!.result!.weightsSha256);
    expect(other!.data).toEqual(one!.data);
    expect(other!.result).toMatchObject({
      trainLoss: one!.result!.trainLoss,
      validationLoss: one!.result!.validationLoss,
    });
  });

  test("give the same evaluation, figures and duplicates", () => {
    expect(file.metrics).toEqual(memory.metrics);
    const drawn = ({ plots }: typeof file) => plots.map((plot) => readFileSync(plot, "utf8"));
    expect(file.plots.length).toBeGreaterThan(3);
    expect(drawn(file)).toEqual(drawn(memory));
    expect(file.pairs.length).toBeGreaterThan(0);
    expect(file.pairs).toEqual(memory.pairs);
  });

  test("are never read whole", () => {
    const { count, size } = file.loaded.train.images;
    expect(count * size).toBeGreaterThan(1.2 * PART);
    for (const { largest } of [memory, file]) expect(largest).toBeLessThanOrEqual(PART);
    expect(file.largest).toBeGreaterThan(size);
  });
});
