import { formatShape } from "../../../src/graph/shape.ts";
import { conv2dWeightGradient } from "../../../src/ops/convolution/weight-gradient.ts";
import { relu } from "../../../src/ops/elementwise.ts";
import {
  globalAveragePool,
  globalAveragePoolGradient,
  globalAveragePoolGradientOp,
  globalAveragePoolOp,
  maxPool2d,
  maxPool2dGradient,
  maxPool2dGradientOp,
  maxPool2dOp,
} from "../../../src/ops/pooling.ts";
import { flatten, flattenOp, unflatten, unflattenOp } from "../../../src/ops/reshape.ts";
import {
  type Bound,
  batchSizes,
  blockedCopy,
  channelSizes,
  exact,
  IMAGE_SIZES,
  type OpCase,
  ofMagnitude,
  ofResult,
} from "../../support/op-case.ts";
import { type Filling, type TestTensor, tensor } from "../../support/tensors.ts";

/** Sizes of a batch of images at which operations without weights are tested. */
export interface ImageCase {
  readonly edge: string;
  readonly batch: number;
  readonly channels: number;
  readonly image: readonly [number, number];
}

export function imageSizesToTry(block: number): ImageCase[] {
  const plain = { batch: 2, channels: block, image: [5, 4] } as const;
  return [
    ...channelSizes(block).map(([edge, size]) => ({ ...plain, edge: `channels ${edge}`, channels: size })),
    ...batchSizes(block).map(([edge, batch]) => ({ ...plain, edge: `batch ${edge}`, batch })),
    ...IMAGE_SIZES.flatMap(([edge, height, width]) => [
      { ...plain, edge, image: [height, width] as const },
      { ...plain, edge: `${edge}, three channels`, channels: 3, image: [height, width] as const },
    ]),
  ];
}

export function poolCases(block: number): OpCase[] {
  const sizes = imageSizesToTry(block);
  return [
    ...maxPools(block),
    ...flatWeights(block),
    ...sizes.flatMap((size) => [...averages(size, block), ...shapeChanges(size, block)]),
  ];
}

function maxPools(block: number): OpCase[] {
  const windows = [1, 2, 3, 4].flatMap((size) =>
    [
      [2 * size, 3 * size],
      [2 * size + 1, 2 * size],
      [2 * size, 3 * size + size - 1],
      [3 * size - 1, 2 * size + 1],
      [size, size],
      [size, 2 * size + 1],
    ].flatMap(([height, width]) =>
      [block, 3].map((channels) => ({
        edge: `window ${size}`,
        batch: 2,
        channels,
        image: [height!, width!] as const,
        size,
      })),
    ),
  );
  const all: Filling[] = ["uniform", "negative", "ties", "negative integers", "zeros"];
  const few: Filling[] = ["ties", "negative"];
  const sizes = imageSizesToTry(block).map((size) => ({ ...size, size: Math.min(...size.image) > 1 ? 2 : 1 }));
  return [
    ...windows.flatMap((pool) =>
      (pool.channels === block ? all : few).flatMap((filling) => maxPoolsAt(pool, filling, block)),
    ),
    ...sizes.flatMap((pool) => maxPoolsAt(pool, "ties", block)),
  ];
}

function maxPoolsAt(
  { edge, batch, channels, image, size }: ImageCase & { size: number },
  filling: Filling,
  block: number,
) {
  const x = tensor("x", [batch, channels, ...image], filling);
  const y = maxPool2d(x.value, { size });
  const dy = tensor("dy", y.shape, "uniform");
  const shares = tensor("dy", y.shape, "divisible");
  const name = `${edge}, ${filling}: ${formatShape(x.value.shape)}, window ${size}`;
  const isBlocked = channels % block === 0;
  const gradient = (upstream: TestTensor, upstreamName: string, bound: Bound): OpCase => ({
    op: maxPool2dGradientOp,
    name: `${upstreamName}, ${name}`,
    inputs: [x, upstream],
    y: maxPool2dGradient(x.value, y, upstream.value, { size }),
    isBlocked,
    bound,
  });
  return [
    { op: maxPool2dOp, name, inputs: [x], y, isBlocked, bound: exact },
    gradient(shares, "whole shares", exact),
    ...(filling === "ties" ? [gradient(dy, "fractions", ofResult(1))] : []),
  ];
}

function averages({ edge, batch, channels, image: [height, width] }: ImageCase, block: number): OpCase[] {
  const x = tensor("x", [batch, channels, height, width], "uniform");
  const dy = tensor("dy", [batch, channels, 1, 1], "uniform");
  const name = `${edge}: ${formatShape(x.value.shape)}`;
  const isBlocked = channels % block === 0;
  const mean = globalAveragePool(blockedCopy(x.value));
  return [
    { op: globalAveragePoolOp, name, inputs: [x], y: mean, isBlocked, bound: ofMagnitude(height * width + 1, mean) },
    {
      op: globalAveragePoolGradientOp,
      name,
      inputs: [dy],
      y: globalAveragePoolGradient(dy.value, { height, width }),
      isBlocked,
      // The share of a pixel is rounded, then its product.
      bound: ofResult(2),
    },
  ];
}

/** flatten, and unflatten after it: alone in any layout, and together without a conversion in between. */
function shapeChanges({ edge, batch, channels, image: [height, width] }: ImageCase, block: number): OpCase[] {
  const x = tensor("x", [batch, channels, height, width], "distinct");
  const columns = tensor("columns", [batch, channels * height * width], "distinct");
  const vectors = tensor("vectors", [batch, 3, 5], "distinct");
  const name = `${edge}: ${formatShape(x.value.shape)}`;
  const isBlocked = channels % block === 0;
  const flat = flatten(blockedCopy(x.value));
  const once = { bound: exact };
  return [
    { ...once, op: flattenOp, name: `of blocked images, ${name}`, inputs: [x], y: flat, isBlocked },
    {
      ...once,
      op: flattenOp,
      name: `of canonical images, ${name}`,
      inputs: [x],
      y: flatten(x.value),
      isBlocked: false,
    },
    {
      ...once,
      op: flattenOp,
      name: `of vectors, ${edge}`,
      inputs: [vectors],
      y: flatten(vectors.value),
      isBlocked: false,
    },
    {
      ...once,
      op: unflattenOp,
      name: `after flatten, ${name}`,
      inputs: [x],
      y: unflatten(flat, x.value.shape),
      isBlocked,
    },
    {
      ...once,
      op: unflattenOp,
      name: `of columns that nobody has laid out, ${name}`,
      inputs: [columns],
      y: unflatten(columns.value, x.value.shape),
      isBlocked: false,
    },
    {
      ...once,
      op: unflattenOp,
      name: `of canonical columns, ${name}`,
      inputs: [columns],
      y: unflatten(relu(columns.value), x.value.shape),
      // With one pixel per channel both layouts are the same.
      isBlocked: isBlocked && height * width === 1,
    },
    {
      ...once,
      op: unflattenOp,
      name: `into vectors, ${edge}`,
      inputs: [columns],
      y: unflatten(columns.value, [batch, height * width, channels]),
      isBlocked: false,
    },
  ];
}

/** Packed weights are not images: after flattening, their rows must be in canonical order. */
function flatWeights(block: number): OpCase[] {
  return [block, 3].map((channels) => {
    const x = tensor("x", [1, channels, 4, 4], "integers");
    const dy = tensor("dy", [1, block, 2, 2], "integers");
    const shape = [block, channels, 3, 3];
    const y = flatten(conv2dWeightGradient(x.value, dy.value, { stride: 1, padding: [0, 0], shape }));
    const name = `of packed weights ${formatShape(shape)}`;
    return { op: flattenOp, name, inputs: [x, dy], y, isBlocked: false, bound: exact };
  });
}
