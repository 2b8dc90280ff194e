import type { GraphWriter } from "../../../src/onnx/graph-writer.ts";
import type { NodeCase } from "./node-case.ts";

/** A rounding of the largest result (about 10) for each of a few operations. */
const FEW_ROUNDINGS = 10 * 4 * 2 ** -24;

/** Standard operators in the forms that lowerings use. */
export const STANDARD_CASES: readonly NodeCase[] = [
  one("Add", { a: [2, 3, 4], b: [3, 1] }, 24),
  one("Sub", { a: [2, 3], b: [] }, 6),
  one("Mul", { a: [2, 1, 3], b: [4, 1] }, 24),
  one("Max", { a: [2, 3], b: [2, 3] }, 6),
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
  { ...one("Exp", { a: [4, 5] }, 20), tolerance: FEW_ROUNDINGS },
  {
    ...one("Log", { a: [4, 5] }, 20),
    build: (writer) => writer.node("Log", [positive(writer, "a")]),
    tolerance: FEW_ROUNDINGS,
  },
  one("Relu", { a: [4, 5] }, 20),
  { ...one("Sigmoid", { a: [4, 5] }, 20), tolerance: FEW_ROUNDINGS },
  { ...one("Tanh", { a: [4, 5] }, 20), tolerance: FEW_ROUNDINGS },
  { ...one("Erf", { a: [4, 5] }, 20), tolerance: FEW_ROUNDINGS },
  { ...one("Softplus", { a: [4, 5] }, 20), tolerance: FEW_ROUNDINGS },
  { ...one("LeakyRelu", { a: [4, 5] }, 20, { alpha: { float: 0.25 } }) },
  { ...one("Elu", { a: [4, 5] }, 20, { alpha: { float: 0.5 } }), tolerance: FEW_ROUNDINGS },
  {
    ...one("Clip", { a: [4, 5] }, 20),
    build: (writer) => writer.node("Clip", ["a", writer.scalar(-1), writer.scalar(2)]),
  },
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
  {
    name: "ReduceL2 of all elements",
    inputs: { a: [2, 3, 4, 5] },
    build: (writer) => writer.node("Mul", ["a", writer.node("ReduceL2", ["a"], { keepdims: 0 })]),
    size: 120,
    tolerance: FEW_ROUNDINGS,
  },
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
  { ...one("Gemm", { a: [3, 4], b: [4, 5], c: [] }, 15, { beta: { float: 2 } }), name: "Gemm, one number added" },
  one("MatMul", { a: [2, 3, 4, 5], b: [2, 3, 5, 2] }, 48),
  { ...one("MatMul", { a: [6, 5], b: [5, 2] }, 12), name: "MatMul of matrices" },
  { ...one("MatMul", { a: [2, 5], b: [3, 5, 4] }, 24), name: "MatMul of one matrix with several" },
  one("Conv", { a: [2, 3, 7, 6], b: [4, 3, 3, 2], c: [4] }, 2 * 4 * 4 * 4, { strides: [2, 2], pads: [1, 1, 1, 1] }),
  { ...one("Conv", { a: [1, 4, 5, 5], b: [4, 2, 2, 2] }, 36, { group: 2, dilations: [2, 2] }), name: "Conv in groups" },
  one("ConvTranspose", { a: [2, 3, 3, 4], b: [3, 2, 3, 3] }, 2 * 2 * 6 * 7, {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 0],
  }),
  {
    ...one("ConvTranspose", { a: [2, 4, 3, 4], b: [4, 3, 2, 2] }, 2 * 6 * 5 * 6, { group: 2, dilations: [2, 2] }),
    name: "ConvTranspose in groups",
  },
  {
    ...one("AveragePool", { a: [2, 3, 5, 7] }, 2 * 3 * 3 * 4, {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    }),
    tolerance: FEW_ROUNDINGS,
  },
  {
    ...one("AveragePool", { a: [2, 3, 5, 7] }, 2 * 3 * 3 * 4, {
      kernel_shape: [2, 4],
      strides: [2, 2],
      pads: [0, 1, 1, 2],
      count_include_pad: 1,
    }),
    name: "AveragePool that counts the padding",
    tolerance: FEW_ROUNDINGS,
  },
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
