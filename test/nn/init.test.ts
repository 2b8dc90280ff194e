import { describe, expect, test } from "vitest";
import { base, enhanced } from "../../src/models/study.ts";
import { conv2d, depthwiseConv2d, flatten, linear } from "../../src/nn/index.ts";
import { buildModel, initialTensors, type Model } from "../../src/nn/model.ts";
import { weightsSha256 } from "../../src/runs/node/hashes.ts";

const TASK = { channels: 1, height: 28, width: 28, classes: 10 };

function tensorsOf(model: Model, seed: number, mode: "training" | "inference" = "training") {
  const normalization = { mean: [0.3], standardDeviation: [0.3] };
  return initialTensors(buildModel(model, { task: TASK, batchSize: 2, mode, normalization }), seed);
}

/** Mean and variance in float64. */
function moments(data: Float32Array): { mean: number; variance: number } {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return { mean, variance: data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length };
}

/** A hash of each tensor, by name. */
function hashesOf(tensors: ReadonlyMap<string, Float32Array>): Map<string, string> {
  return new Map([...tensors].map(([name, data]) => [name, weightsSha256([{ name, shape: [data.length], data }])]));
}

/** Number of inputs that one output of a layer sums over. */
const FAN_IN: Readonly<Record<string, number>> = {
  "conv1.weight": 1 * 9,
  "conv1.bias": 1 * 9,
  "conv2.weight": 32 * 9,
  "conv2.bias": 32 * 9,
  "fc1.weight": 3136,
  "fc1.bias": 3136,
  "fc2.weight": 128,
  "fc2.bias": 128,
};

describe("first weights are PyTorch's defaults", () => {
  test.each(Object.entries(FAN_IN))(
    "%s: uniform within 1 / sqrt(%i), mean 0, bound² / 3 for a variance",
    (name, fanIn) => {
      const data = tensorsOf(base, 1).get(name)!;
      const bound = 1 / Math.sqrt(fanIn);
      const { mean, variance } = moments(data);
      expect(data.every((value) => Math.abs(value) <= bound)).toBe(true);
      expect(new Set(data).size).toBeGreaterThan(0.9 * data.length);
      // Five standard errors: of the mean bound / sqrt(3 n), of the variance (a uniform's fourth moment is bound⁴ / 5)
      // bound² sqrt((1 / 5 - 1 / 9) / n).
      expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * data.length));
      const error = 5 * bound ** 2 * Math.sqrt((1 / 5 - 1 / 9) / data.length);
      expect(Math.abs(variance - bound ** 2 / 3)).toBeLessThan(error);
      if (data.length > 1000) {
        const extreme = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(extreme).toBeGreaterThan(0.99 * bound);
      }
    },
  );

  test("of a depthwise convolution count the kernel only, whatever the number of channels", () => {
    const model: Model = {
      name: "depthwise",
      layers: ({ classes }) => [
        conv2d(32, { kernelSize: 1 }),
        depthwiseConv2d({ kernelSize: 3, padding: 1 }),
        flatten(),
        linear(classes),
      ],
    };
    const data = [...tensorsOf(model, 1)].find(([name]) => name === "dwconv1.weight")![1];
    const extreme = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(data).toHaveLength(32 * 9);
    expect(extreme).toBeLessThanOrEqual(1 / 3);
    expect(extreme).toBeGreaterThan(0.9 / 3);
  });

  test("batch norm starts as the identity: weights and variances 1, biases and means 0", () => {
    const tensors = tensorsOf(enhanced, 1);
    const starts = { weight: 1, bias: 0, running_mean: 0, running_var: 1 };
    for (let layer = 1; layer <= 6; layer++) {
      for (const [name, start] of Object.entries(starts)) {
        const data = tensors.get(`bn${layer}.${name}`)!;
        expect(data.length).toBeGreaterThan(0);
        expect(data.every((value) => value === start)).toBe(true);
      }
    }
  });
});

describe("a seed", () => {
  test("gives the same tensors each time, training or not; another seed gives others", () => {
    const first = hashesOf(tensorsOf(enhanced, 7));
    expect(hashesOf(tensorsOf(enhanced, 7))).toEqual(first);
    expect(hashesOf(tensorsOf(enhanced, 7, "inference"))).toEqual(first);
    const other = hashesOf(tensorsOf(enhanced, 8));
    for (const name of ["conv1.weight", "fc1.weight", "fc2.bias"]) expect(other.get(name)).not.toBe(first.get(name));
  });

  test("gives each tensor different values: no two start alike", () => {
    const scaled = [...tensorsOf(base, 1)].map(([name, data]) => (data[0]! * Math.sqrt(FAN_IN[name]!)).toFixed(6));
    expect(new Set(scaled).size).toBe(scaled.length);
  });
});
