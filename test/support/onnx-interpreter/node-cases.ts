import type { GraphWriter, OnnxType } from "../../../src/onnx/graph-writer.ts";

/** A few nodes that the interpreter and ONNX Runtime both run. */
export interface NodeCase {
  readonly name: string;
  /** Inputs by name; float32 unless said. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly types?: Readonly<Record<string, OnnxType>>;
  /** Writes the nodes and gives the result's name. */
  build(writer: GraphWriter): string;
  /** Elements of the result. */
  readonly size: number;
  /**
   * Largest difference. Inputs are whole numbers from -4 to 4, of which float32 makes exact sums and products: 0 unless
   * the operator divides or takes roots and logarithms.
   */
  readonly tolerance?: number;
}

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

/** A rounding of the largest result (about 10) for each of a few operations. */
const FEW_ROUNDINGS = 10 * 4 * 2 ** -24;

/** Standard operators in the forms that lowerings use. */
export const STANDARD_CASES: readonly NodeCase[] = [
  one("Add", { a: [2, 3, 4], b: [3, 1] }, 24),
  one("Sub", { a: [2, 3], b: [] }, 6),
  one("Mul", { a: [2, 1, 3], b: [4, 1] }, 24),
  {
    ...one("Div", { a: [2, 3], b: [3] }, 6),
    build: (writer) => writer.node("Div", ["a", positive(writer, "b")]),
    tolerance: FEW_ROUNDINGS,
  },
  {
    ...one("Sqrt", { a: [4, 5] }, 20),
    build: (writer) => writer.node("Sqrt", [positive(writer, "a")]),
    tolerance: FEW_ROUNDINGS,
  },
  one("Relu", { a: [4, 5] }, 20),
  one("Identity", { a: [3] }, 3),
  one("HardSigmoid", { a: [4, 5] }, 20, { alpha: { float: 0.25 }, beta: { float: 0.5 } }),
  {
    name: "Equal and Cast of integers",
    inputs: { a: [7, 1], b: [1, 9] },
    types: { a: "int32", b: "int32" },
    build: (writer) => writer.cast(writer.node("Equal", ["a", "b"]), "float32"),
    size: 63,
  },
  one("Softmax", { a: [5, 7] }, 35, { axis: 1 }, FEW_ROUNDINGS),
  one("LogSoftmax", { a: [5, 7] }, 35, { axis: 1 }, FEW_ROUNDINGS),
  {
    name: "ArgMax takes the first of equal ones",
    inputs: { a: [9, 4] },
    build: (writer) => writer.cast(writer.node("ArgMax", ["a"], { axis: 1, keepdims: 0 }), "float32"),
    size: 9,
  },
  { name: "ReduceSum", inputs: { a: [2, 3, 4, 5] }, build: (writer) => writer.reduceSum("a", [1, 3]), size: 8 },
  one("ReduceMean", { a: [3, 4, 2] }, 6, { axes: [1], keepdims: 1 }),
  { name: "Reshape", inputs: { a: [2, 3, 4] }, build: (writer) => writer.reshape("a", [0, -1, 2]), size: 24 },
  one("Transpose", { a: [2, 3, 4] }, 24, { perm: [2, 0, 1] }),
  one("Flatten", { a: [2, 3, 4] }, 24, { axis: 1 }),
  one("Concat", { a: [2, 3, 2], b: [2, 1, 2] }, 16, { axis: 1 }),
  {
    name: "Slice with steps",
    inputs: { a: [2, 7, 8] },
    build: (writer) =>
      writer.node("Slice", [
        "a",
        ...[
          [1, 0],
          [7, 100],
          [1, 2],
          [2, 3],
        ].map((values) => writer.integers(values)),
      ]),
    size: 2 * 3 * 3,
  },
  {
    name: "Pad",
    inputs: { a: [2, 3, 2] },
    build: (writer) => writer.node("Pad", ["a", writer.integers([0, 1, 2, 1, 0, 3])]),
    size: 3 * 4 * 7,
  },
  {
    name: "Gather",
    inputs: { a: [2, 4, 3] },
    build: (writer) => writer.node("Gather", ["a", writer.integers([3, 0, 2])], { axis: 1 }),
    size: 18,
  },
  one("Gemm", { a: [3, 4], b: [4, 5], c: [5] }, 15),
  { ...one("Gemm", { a: [4, 3], b: [5, 4], c: [3, 1] }, 15, { transA: 1, transB: 1 }), name: "Gemm, both turned" },
  one("MatMul", { a: [2, 3, 4, 5], b: [2, 3, 5, 2] }, 48),
  { ...one("MatMul", { a: [6, 5], b: [5, 2] }, 12), name: "MatMul of matrices" },
  one("Conv", { a: [2, 3, 7, 6], b: [4, 3, 3, 2], c: [4] }, 2 * 4 * 4 * 4, { strides: [2, 2], pads: [1, 1, 1, 1] }),
  { ...one("Conv", { a: [1, 4, 5, 5], b: [4, 2, 2, 2] }, 36, { group: 2, dilations: [2, 2] }), name: "Conv in groups" },
  one("ConvTranspose", { a: [2, 3, 3, 4], b: [3, 2, 3, 3] }, 2 * 2 * 6 * 7, {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 0],
  }),
  one("MaxPool", { a: [2, 3, 5, 7] }, 2 * 3 * 2 * 3, { kernel_shape: [2, 2], strides: [2, 2] }),
  one("GlobalAveragePool", { a: [2, 3, 4, 2] }, 6),
];

/** One node whose inputs are all the inputs. */
function one(
  opType: string,
  inputs: NodeCase["inputs"],
  size: number,
  attributes: Parameters<GraphWriter["node"]>[2] = {},
  tolerance = 0,
): NodeCase {
  return {
    name: opType,
    inputs,
    size,
    tolerance,
    build: (writer) => writer.node(opType, Object.keys(inputs), attributes),
  };
}

/** x * x + 1: something to divide by or take the root of. */
function positive(writer: GraphWriter, x: string): string {
  return writer.node("Add", [writer.node("Mul", [x, x]), writer.scalar(1)]);
}
