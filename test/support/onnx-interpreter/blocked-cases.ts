import type { GraphWriter } from "../../../src/onnx/graph-writer.ts";
import type { NodeCase } from "./node-case.ts";

/** The blocked operators in every form that a lowering uses, and some that none uses yet. */
export function blockedCases(block: number): NodeCase[] {
  const [b, double] = [block, 2 * block];
  const conv = (
    name: string,
    x: readonly number[],
    w: readonly number[],
    y: readonly number[],
    attributes: Parameters<GraphWriter["blocked"]>[2],
    { bias = false, sum = false } = {},
  ): NodeCase => ({
    name: `Conv, ${name}`,
    inputs: { x, w, ...(bias ? { bias: [y[1]!] } : {}), ...(sum ? { sum: y } : {}) },
    build: (writer) =>
      writer.blocked("Conv", ["x", "w", bias ? "bias" : undefined, ...(sum ? ["sum"] : [])], {
        kernel_shape: w.slice(2),
        ...attributes,
      }),
    size: y.reduce((product, size) => product * size, 1),
  });
  const relu = { activation: "Relu" };
  return [
    conv("blocked input", [2, double, 5, 7], [b, double, 3, 3], [2, b, 5, 7], { pads: [1, 1, 1, 1] }),
    conv(
      "stride 2, unequal pads, all extras",
      [2, b, 7, 6],
      [double, b, 2, 3],
      [2, double, 4, 3],
      { strides: [2, 2], pads: [1, 0, 1, 2], ...relu },
      { bias: true, sum: true },
    ),
    conv("dilation 2", [1, b, 9, 8], [b, b, 3, 2], [1, b, 7, 6], { dilations: [2, 2], pads: [1, 0, 1, 0] }),
    conv("1x1, more than 4 blocks of outputs", [3, b, 3, 5], [5 * b, b, 1, 1], [3, 5 * b, 3, 5], relu, { bias: true }),
    conv("1x1 of 9 blocks of inputs, stride 2", [1, 9 * b, 5, 5], [b, 9 * b, 1, 1], [1, b, 3, 3], { strides: [2, 2] }),
    conv("1x1 with padding", [1, b, 3, 3], [b, b, 1, 1], [1, b, 4, 5], { pads: [1, 0, 0, 2] }, { bias: true }),
    conv("groups of blocks", [2, double, 4, 4], [double, b, 3, 3], [2, double, 2, 2], { group: 2 }),
    conv(
      "3 canonical channels",
      [2, 3, 6, 5],
      [b, 3, 3, 3],
      [2, b, 6, 5],
      { pads: [1, 1, 1, 1], ...relu },
      { bias: true },
    ),
    conv("1 canonical channel", [3, 1, 5, 5], [double, 1, 5, 3], [3, double, 1, 3], {}),
    conv("canonical, one channel less than a block", [1, b - 1, 4, 4], [b, b - 1, 1, 1], [1, b, 4, 4], {}),
    conv("canonical groups of half a block", [1, double, 3, 3], [4 * b, b / 2, 2, 2], [1, 4 * b, 2, 2], { group: 4 }),
    conv("a block of outputs for each of a block of channels", [2, b, 3, 4], [b * b, 1, 3, 3], [2, b * b, 1, 2], {
      group: b,
    }),
    conv(
      "weight gradient: kernel as large as the image, dilated, in groups",
      [3, double, 9, 8],
      [4 * b, b / 2, 4, 4],
      [3, 4 * b, 3, 2],
      { group: 4, dilations: [2, 2], pads: [0, 0, 0, 0] },
    ),
    conv("kernel larger than the image without its padding", [1, b, 2, 3], [b, b, 4, 5], [1, b, 3, 3], {
      pads: [2, 2, 2, 2],
    }),
    conv("depthwise 3x3", [2, double, 5, 4], [double, 1, 3, 3], [2, double, 5, 4], {
      group: double,
      pads: [1, 1, 1, 1],
    }),
    conv(
      "depthwise 1x1 with every extra",
      [2, b, 3, 3],
      [b, 1, 1, 1],
      [2, b, 3, 3],
      { group: b, activation: "HardSigmoid", activation_params: { floats: [-3.4028234663852886e38, 1] } },
      { bias: true, sum: true },
    ),
    conv("depthwise, the whole plane as kernel", [1, 3 * b, 5, 3], [3 * b, 1, 5, 3], [1, 3 * b, 1, 1], {
      group: 3 * b,
    }),
    conv("depthwise 2x2, stride 2", [1, b, 5, 5], [b, 1, 2, 2], [1, b, 2, 2], { group: b, strides: [2, 2] }),
    conv("depthwise 1x1 that adds columns", [2, b, 3, 3], [b, 1, 1, 1], [2, b, 3, 6], { group: b, pads: [0, 1, 0, 2] }),
    conv("depthwise 1x1 that adds rows and columns at the end", [1, b, 2, 2], [b, 1, 1, 1], [1, b, 3, 4], {
      group: b,
      pads: [0, 0, 1, 2],
    }),
    {
      name: "ReorderInput of a whole number of blocks",
      inputs: { x: [2, double, 3, 5] },
      build: (writer) => writer.blocked("ReorderInput", ["x"]),
      size: 2 * double * 15,
    },
    {
      name: "ReorderInput fills the last block with zeros",
      inputs: { x: [2, b + 4, 3, 3] },
      build: (writer) => writer.blocked("ReorderInput", ["x"]),
      size: 2 * double * 9,
    },
    {
      name: "ReorderOutput leaves the last block's surplus out",
      inputs: { x: [2, double, 3, 3] },
      build: (writer) => writer.blocked("ReorderOutput", ["x"], { channels: b + 3 }),
      size: 2 * (b + 3) * 9,
    },
    {
      name: "MaxPool over a size that the window does not divide",
      inputs: { x: [2, double, 5, 7] },
      build: (writer) => writer.blocked("MaxPool", ["x"], { kernel_shape: [2, 3], strides: [2, 3] }),
      size: 2 * double * 4,
    },
    {
      name: "MaxPool with overlap and padding",
      inputs: { x: [1, b, 5, 5] },
      build: (writer) =>
        writer.blocked("MaxPool", ["x"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      size: b * 9,
    },
    {
      name: "GlobalAveragePool",
      inputs: { x: [3, double, 2, 4] },
      build: (writer) => writer.blocked("GlobalAveragePool", ["x"]),
      size: 3 * double,
    },
    {
      name: "Upsample by different factors",
      inputs: { x: [2, double, 3, 2] },
      build: (writer) => writer.blocked("Upsample", ["x"], { scales: [1, 1, 2, 3] }),
      size: 2 * double * 36,
    },
  ];
}
