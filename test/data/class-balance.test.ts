import { describe, expect, test } from "vitest";
import { epochChain, trainingBatches } from "../../src/data/batches.ts";
import { balancedEpochs, classWeightsOf } from "../../src/data/class-balance.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { countClasses } from "../../src/data/split.ts";

/** 70, 25 and 5 images of three classes; the fourth has none. */
const LABELS = Uint8Array.from({ length: 100 }, (_, i) => (i < 70 ? 0 : i < 95 ? 1 : 2));
const NAMES = ["many", "some", "few", "none"];

describe("balanced class weights", () => {
  test("are images / (classes x images of the class), as scikit-learn has them", () => {
    // sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=LABELS)
    const expected = [0.47619047619047616, 1.3333333333333333, 6.666666666666667];
    const weights = classWeightsOf({ labels: LABELS, classNames: NAMES }, "balanced");
    expect(weights.slice(0, 3)).toBeClose(expected, { tolerance: 1e-15 });
    expect(weights[3]).toBe(1);
  });

  test("given ones are taken; another number of them than classes is refused", () => {
    const set = { labels: LABELS, classNames: NAMES };
    expect(classWeightsOf(set, [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
    expect(() => classWeightsOf(set, [1, 2])).toThrow(/2 numbers, the data 4 classes \(many, some, few, none\)/);
  });
});

describe("balanced sampling", () => {
  const chain = (seed: number) => epochChain(100, seed, balancedEpochs(LABELS, 4, seed));
  const labelsOf = (order: Uint32Array) => order.map((image) => LABELS[image]!);

  test("draws each class equally often, to within one image an epoch and over all epochs", () => {
    const drawn = chain(3);
    const total = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 30; epoch++) {
      const counts = countClasses(Uint8Array.from(labelsOf(drawn.epoch(epoch))), 4);
      for (const count of counts.slice(0, 3)) expect(Math.abs(count - 100 / 3)).toBeLessThan(1);
      counts.forEach((count, label) => {
        total[label]! += count;
      });
    }
    expect(total).toEqual([1000, 1000, 1000, 0]);
  });

  test("draws no image again before all others of its class", () => {
    const drawn = chain(8);
    const images = Array.from({ length: 12 }, (_, epoch) => [...drawn.epoch(epoch)]).flat();
    for (const [label, size] of [
      [0, 70],
      [1, 25],
      [2, 5],
    ] as const) {
      const times = new Map<number, number>();
      for (const image of images) if (LABELS[image] === label) times.set(image, (times.get(image) ?? 0) + 1);
      const counts = [...times.values()];
      expect(times.size).toBe(size);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  test("mixes the classes, depends on the seed and epoch only, whatever was read before", () => {
    const forward = chain(5);
    const epochs = [0, 1, 2, 3, 4].map((epoch) => [...forward.epoch(epoch)]);
    const backward = chain(5);
    for (const epoch of [4, 2, 3, 0, 1]) expect([...backward.epoch(epoch)]).toEqual(epochs[epoch]);
    expect([...chain(6).epoch(0)]).not.toEqual(epochs[0]);
    // In no order of classes: each third of an epoch has all of them.
    for (const start of [0, 33, 66]) {
      const part = labelsOf(Uint32Array.from(epochs[0]!.slice(start, start + 33)));
      expect(new Set(part).size).toBe(3);
    }
  });

  test("reaches the batches", () => {
    const set = {
      images: memoryRows(Uint8Array.from(LABELS.keys()), 1),
      labels: LABELS,
      count: 100,
      channels: 1,
      height: 1,
      width: 1,
      classNames: NAMES,
    };
    const batches = trainingBatches({ set, batchSize: 50, seed: 2, sampling: "balanced" });
    const [pixels, labels] = [new Uint8Array(50), new Int32Array(50)];
    const seen: number[] = [];
    for (const step of [0, 1]) {
      batches.fill(step, pixels, labels);
      pixels.forEach((image, row) => {
        expect(LABELS[image]).toBe(labels[row]);
      });
      seen.push(...labels);
    }
    expect(countClasses(Uint8Array.from(seen), 4)).toEqual(expect.arrayContaining([33, 33, 34, 0]));
  });
});
