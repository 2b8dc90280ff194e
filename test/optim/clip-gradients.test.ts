import { describe, expect, test } from "vitest";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { input } from "../../src/ops/leaves.ts";
import { clipGradients } from "../../src/optim/clip-gradients.ts";

const GRADIENTS = [
  { value: input("weight", [2, 3]), data: [3, -1, 0.5, 2, -2, 1] },
  { value: input("bias", [2]), data: [0.25, -4] },
];
/** Of all eight numbers together. */
const NORM = Math.hypot(...GRADIENTS.flatMap(({ data }) => data));

function clipped(maxNorm: number): Float64Array[] {
  const results = clipGradients(
    GRADIENTS.map(({ value }) => value),
    maxNorm,
  );
  return evaluateReference(results, new Map(GRADIENTS.map(({ value, data }) => [value, data])));
}

describe("clipped gradients", () => {
  test.each([0.01, 1, NORM - 1e-3])("have the norm %f of all parameters together, and their direction", (maxNorm) => {
    // torch.nn.utils.clip_grad_norm_: coefficient max_norm / (total_norm + 1e-6).
    const factor = maxNorm / (NORM + 1e-6);
    clipped(maxNorm).forEach((values, i) => {
      expect([...values]).toBeClose(
        GRADIENTS[i]!.data.map((number) => number * factor),
        { tolerance: 1e-12 },
      );
    });
  });

  test.each([NORM + 1e-3, 1000])("below the norm %f stay as they are, to the last bit", (maxNorm) => {
    expect(clipped(maxNorm).map((values) => [...values])).toEqual(GRADIENTS.map(({ data }) => data));
  });
});
