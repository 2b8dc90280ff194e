/** The number of threads changes no bit, up to 32: how the rows of a product are divided among them must not matter. */
import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { conv2dWeightGradient } from "../../src/ops/convolution/weight-gradient.ts";
import { fusedMatmul, matmul } from "../../src/ops/matmul.ts";
import { processorLowerings, programOf, runCompiled } from "../support/run-program.ts";
import { feedsOf, type TestTensor, tensor } from "../support/tensors.ts";
import { IS_THOROUGH } from "../support/thorough.ts";

const THREADS = IS_THOROUGH ? [2, 3, 5, 8, 12, 16, 24, 31, 32] : [2, 5, 32];

/** Rows of the result, terms of its sums, columns: with fewer rows than twice the threads some thread gets one row. */
const PRODUCTS = [
  [2, 20_000, 2],
  [3, 20_000, 3],
  [9, 9000, 8],
  [10, 8000, 12],
  [20, 5000, 10],
  [33, 4000, 33],
  [63, 3000, 20],
  [70, 100, 30],
  [1, 5000, 30],
  [30, 5000, 1],
] as const;

/** Batch, channels, outputs, image size, kernel, stride. */
const CONVOLUTIONS = [
  [32, 3, 3, 16, 1, 1],
  [33, 1, 8, 28, 3, 1],
  [32, 4, 8, 14, 3, 2],
  [32, 1, 16, 14, 5, 1],
  [32, 8, 24, 14, 3, 1],
] as const;

const tensors: TestTensor[] = [];
function made(name: string, shape: readonly number[]) {
  const drawn = tensor(name, shape, "uniform");
  tensors.push(drawn);
  return drawn.value;
}

const products = PRODUCTS.flatMap(([rows, terms, columns]) =>
  [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => {
      const name = `${rows}x${terms}x${columns}${transposeA ? " a" : ""}${transposeB ? " b" : ""}`;
      const a = made(`a ${name}`, transposeA ? [terms, rows] : [rows, terms]);
      const b = made(`b ${name}`, transposeB ? [columns, terms] : [terms, columns]);
      const bias = made(`bias ${name}`, [columns]);
      const attributes = { transposeA, transposeB };
      return [
        { name, value: matmul(a, b, attributes) },
        { name: `${name} with bias`, value: fusedMatmul(a, b, bias, attributes) },
      ];
    }),
  ),
);

const weightGradients = CONVOLUTIONS.map(([batch, channels, outputs, size, kernel, stride]) => {
  const name = `weight gradient of ${outputs}x${channels}x${kernel}x${kernel}`;
  const resultSize = Math.ceil(size / stride);
  const x = made(`x ${name}`, [batch, channels, size, size]);
  const dy = made(`dy ${name}`, [batch, outputs, resultSize, resultSize]);
  const padding = [kernel >> 1, kernel >> 1] as const;
  const shape = [outputs, channels, kernel, kernel];
  return { name, value: conv2dWeightGradient(x, dy, { stride, padding, shape }) };
});

const all = [...products, ...weightGradients];

test.each(processorLowerings())("products and weight gradients, $kind lowering", async (lowering) => {
  const values = all.map(({ value }) => value);
  const feeds = feedsOf(tensors);
  const compiled = compile(programOf(values, feeds), lowering);
  const one = await runCompiled(compiled, feeds, 1);
  for (const threads of THREADS) {
    const many = await runCompiled(compiled, feeds, threads);
    const differing = all.filter((_, i) => !Buffer.from(many[i]!.buffer).equals(Buffer.from(one[i]!.buffer)));
    expect({ threads, differing: differing.map(({ name }) => name) }).toEqual({ threads, differing: [] });
  }
});
