import { formatShape } from "../../../src/graph/shape.ts";
import { narrowChannels, narrowChannelsOp, widenChannels, widenChannelsOp } from "../../../src/ops/channel-blocks.ts";
import {
  concat,
  concatOp,
  pad,
  padOp,
  reshape,
  reshapeOp,
  slice,
  sliceOp,
  split,
  transpose,
  transposeOp,
} from "../../../src/ops/reshape.ts";
import { blockedCopy, exact, type OpCase } from "../../support/op-case.ts";
import { tensor } from "../../support/tensors.ts";
import type { DerivativeCase } from "./derivatives.ts";

/** Operations that move elements, on tensors of several axes. */
export function arrangementCases(block: number): OpCase[] {
  const x = tensor("x", [2, 3, 4, 5], "distinct");
  const plain = { inputs: [x], isBlocked: false, bound: exact };
  const transposed = [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [0, 2, 3, 1],
    [1, 0, 3, 2],
  ].map((permutation): OpCase => {
    return { ...plain, op: transposeOp, name: permutation.join(), y: transpose(x.value, permutation) };
  });
  const taken = [
    [0, 1, 1],
    [1, 0, 2],
    [2, 3, 1],
    [3, 1, 3],
    [3, 0, 5],
  ].map(([axis, start, length]): OpCase => {
    const name = `${length} from ${start} of axis ${axis}`;
    return { ...plain, op: sliceOp, name, y: slice(x.value, start!, length!, axis!) };
  });
  // More slices than one Split has outputs on a GPU: the last of the first, those of the second, and the last of all.
  const vector = tensor("vector", [24], "distinct");
  const lengths = [1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 1, 3, 1];
  const slices = split(vector.value, lengths);
  const cut = [0, 5, 6, 7, 11, 12, 13].map((i): OpCase => {
    return { ...plain, op: sliceOp, name: `slice ${i} of ${lengths.length}`, inputs: [vector], y: slices[i]! };
  });
  const joined = [0, 1, 2, 3].map((axis): OpCase => {
    const [first, second] = [
      tensor("first", [2, 3, 4, 5].with(axis, 1), "distinct"),
      tensor("second", [2, 3, 4, 5], "distinct"),
    ];
    const y = concat([first.value, second.value, second.value], axis);
    return { ...plain, op: concatOp, name: `along axis ${axis}`, inputs: [first, second], y };
  });
  const padded = [
    { before: [0, 0, 0, 0], after: [0, 0, 0, 0], value: 0 },
    { before: [0, 1, 2, 0], after: [1, 0, 3, 1], value: 0 },
    { before: [0, 0, 1, 1], after: [0, 0, 1, 1], value: -2.5 },
  ].map(({ before, after, value }): OpCase => {
    const y = pad(x.value, before, after, value);
    return { ...plain, op: padOp, name: `${before} before, ${after} after, ${value}`, y };
  });
  return [...transposed, ...taken, ...cut, ...joined, ...padded, ...blockedCases(block)];
}

/** Blocked images are joined and cut by whole blocks of channels; otherwise they are converted first. */
function blockedCases(block: number): OpCase[] {
  const sizes = [block, 2 * block, 3];
  const parts = sizes.map((channels) => tensor(`part ${channels}`, [2, channels, 3, 2], "distinct"));
  const [one, two, few] = parts.map(({ value }) => blockedCopy(value));
  const [x, y, z] = parts;
  const wide = blockedCopy(y!.value);
  const cut = (start: number, length: number, axis: number) => slice(wide, start, length, axis);
  const common = { bound: exact };
  return [
    { ...common, op: concatOp, name: "blocked images", inputs: [x!, y!], y: concat([one!, two!], 1), isBlocked: true },
    {
      ...common,
      op: concatOp,
      name: "blocked and canonical images",
      inputs: [x!, y!],
      y: concat([one!, y!.value], 1),
      isBlocked: true,
    },
    {
      ...common,
      op: concatOp,
      name: "a part of a block",
      inputs: [x!, z!],
      y: concat([one!, few!], 1),
      isBlocked: false,
    },
    {
      ...common,
      op: concatOp,
      name: "rows of blocked images",
      inputs: [x!],
      y: concat([one!, one!], 2),
      isBlocked: false,
    },
    { ...common, op: sliceOp, name: "the second block", inputs: [y!], y: cut(block, block, 1), isBlocked: true },
    { ...common, op: sliceOp, name: "from within a block", inputs: [y!], y: cut(1, block, 1), isBlocked: false },
    { ...common, op: sliceOp, name: "rows of blocked images", inputs: [y!], y: cut(1, 2, 2), isBlocked: false },
    ...[block - 3, block, block + 1, block + 4].map((channels): OpCase => {
      const narrow = narrowChannels(wide, channels);
      const isBlocked = channels > block;
      return { ...common, op: narrowChannelsOp, name: `to ${channels}`, inputs: [y!], y: narrow, isBlocked };
    }),
    {
      ...common,
      op: narrowChannelsOp,
      name: "of a part of a block",
      inputs: [z!],
      y: narrowChannels(z!.value, 2),
      isBlocked: false,
    },
    ...[3, 5, block].map((channels): OpCase => {
      const widened = widenChannels(z!.value, channels);
      return { ...common, op: widenChannelsOp, name: `to ${channels}`, inputs: [z!], y: widened, isBlocked: false };
    }),
  ];
}

export function arrangementDerivatives(): DerivativeCase[] {
  const x = tensor("x", [2, 3, 4], "uniform");
  const other = tensor("other", [2, 1, 4], "uniform");
  return [
    { op: reshapeOp, name: formatShape([4, 6]), y: reshape(x.value, [4, 6]), by: [x] },
    { op: transposeOp, name: "of three axes", y: transpose(x.value, [2, 0, 1]), by: [x] },
    { op: sliceOp, name: "of the middle axis", y: slice(x.value, 1, 2, 1), by: [x] },
    { op: padOp, name: "of two axes", y: pad(x.value, [0, 1, 2], [0, 2, 0], 3), by: [x] },
    {
      op: concatOp,
      name: "of three parts, one of them twice",
      y: concat([x.value, other.value, x.value], 1),
      by: [x, other],
    },
  ];
}
