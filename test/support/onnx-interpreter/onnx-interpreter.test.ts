import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ModelProtoSchema } from "../../../src/onnx/generated/onnx_pb.ts";
import { GraphWriter } from "../../../src/onnx/graph-writer.ts";
import { ort, probeBlockSize, sessionOptions } from "../../../src/runtime/node/ort.ts";
import { uniform } from "../../golden/inputs.ts";
import { blockedCases } from "./blocked-cases.ts";
import { INTERPRETED, interpret } from "./interpret.ts";
import type { NodeCase } from "./node-case.ts";
import { STANDARD_CASES } from "./standard-cases.ts";
import { elements } from "./tensor.ts";

const LARGEST_INPUT = 4;
/** For models without blocked operators. */
const ANY_BLOCK = 8;
const FATAL_ONLY = 4;

const block = await probeBlockSize();

function modelOf({ inputs, types = {}, build, size }: NodeCase): Uint8Array {
  const writer = new GraphWriter();
  for (const [name, shape] of Object.entries(inputs)) writer.input(name, types[name] ?? "float32", shape);
  // A blocked tensor must not leave a graph as an image: as a vector it shows its order in memory.
  writer.output("result", writer.reshape(build(writer), [size]), "float32", [size]);
  return writer.toBytes({ name: "case" });
}

/** Whole numbers from -4 to 4, other ones for each input. */
function wholeNumbers({ inputs, types = {} }: NodeCase): Record<string, Float32Array | Int32Array> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, shape], tag) => {
      const number = (i: number) => Math.round(uniform(6000 + tag, i) * LARGEST_INPUT);
      const data = Array.from({ length: elements(shape) }, (_, i) => number(i));
      return [name, types[name] === "int32" ? Int32Array.from(data) : Float32Array.from(data)];
    }),
  );
}

async function runOnnxRuntime(model: Uint8Array, feeds: Record<string, Float32Array | Int32Array>, node: NodeCase) {
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(model, { ...sessionOptions(1), logSeverityLevel: FATAL_ONLY });
  try {
    const tensors = Object.entries(feeds).map(([name, data]) => {
      const shape = [...node.inputs[name]!];
      return [name, data instanceof Int32Array ? new Tensor("int32", data, shape) : new Tensor("float32", data, shape)];
    });
    const results = await session.run(Object.fromEntries(tensors));
    return Float32Array.from(results.result!.data as Float32Array);
  } finally {
    await session.release();
  }
}

function named(cases: readonly NodeCase[]) {
  return cases.map((node) => [node.name, node] as const);
}

async function expectSame(node: NodeCase, at: number): Promise<void> {
  const [model, feeds] = [modelOf(node), wholeNumbers(node)];
  const expected = await runOnnxRuntime(model, feeds, node);
  const received = interpret(model, feeds, { block: at }).get("result")!;
  expect(new Set(expected).size, "results that are all the same would prove little").toBeGreaterThan(1);
  expect(received.data).toBeClose(expected, { tolerance: node.tolerance ?? 0 });
}

describe("the interpreter computes what ONNX Runtime computes", () => {
  test.each(named(STANDARD_CASES))("%s", (_, node) => expectSame(node, ANY_BLOCK));

  describe.skipIf(block === undefined)(`blocked layout, block ${block} (skipped where ONNX Runtime has none)`, () => {
    test.each(named(blockedCases(block ?? ANY_BLOCK)))("%s", (_, node) => expectSame(node, block!));
  });

  test("and every operator that it knows is among these cases", () => {
    const used = new Set(
      [...STANDARD_CASES, ...blockedCases(ANY_BLOCK)].flatMap((node) =>
        fromBinary(ModelProtoSchema, modelOf(node)).graph!.node.map(({ domain, opType }) => `${domain}:${opType}`),
      ),
    );
    expect([...used].sort()).toEqual([...INTERPRETED].sort());
  });
});

describe.skipIf(block === undefined)("the interpreter refuses what ONNX Runtime refuses", () => {
  const b = block ?? ANY_BLOCK;
  const refused: [NodeCase, RegExp][] = [
    [
      {
        name: "a convolution of more than a block of channels that are not whole blocks",
        inputs: { x: [1, b + 4, 3, 3], w: [b, b + 4, 1, 1] },
        build: (writer) => writer.blocked("Conv", ["x", "w"], { kernel_shape: [1, 1] }),
        size: b * 9,
      },
      /not a multiple of the block/,
    ],
    [
      {
        name: "grouped, too: what counts are all channels",
        inputs: { x: [1, b + 4, 3, 3], w: [b * (b + 4), 1, 1, 1] },
        build: (writer) => writer.blocked("Conv", ["x", "w"], { kernel_shape: [1, 1], group: b + 4 }),
        size: b * (b + 4) * 9,
      },
      /not a multiple of the block/,
    ],
    [
      {
        name: "a sum of another shape",
        inputs: { x: [1, b, 3, 3], w: [b, 1, 1, 1], sum: [1, b, 3, 1] },
        build: (writer) => writer.blocked("Conv", ["x", "w", undefined, "sum"], { kernel_shape: [1, 1], group: b }),
        size: b * 9,
      },
      /sum shape must match/,
    ],
    [
      {
        name: "ReorderInput of 6 channels",
        inputs: { x: [1, 6, 2, 2] },
        build: (writer) => writer.blocked("ReorderInput", ["x"]),
        size: b * 4,
      },
      /not a multiple of 4/,
    ],
    [
      {
        name: "pooling half a block",
        inputs: { x: [1, b / 2, 2, 2] },
        build: (writer) => writer.blocked("MaxPool", ["x"], { kernel_shape: [2, 2] }),
        size: b / 2,
      },
      /not a multiple of the block/,
    ],
    [
      {
        name: "Upsample of half a block",
        inputs: { x: [1, b / 2, 2, 2] },
        build: (writer) => writer.blocked("Upsample", ["x"], { scales: [1, 1, 2, 2] }),
        size: b * 8,
      },
      /not a multiple of the block/,
    ],
  ];
  test.each(refused.map(([node, message]) => [node.name, node, message] as const))("%s", async (_, node, message) => {
    const [model, feeds] = [modelOf(node), wholeNumbers(node)];
    await expect(runOnnxRuntime(model, feeds, node)).rejects.toThrow();
    expect(() => interpret(model, feeds, { block: b })).toThrow(message);
  });
});

test("an attribute, operator or constant that the interpreter does not know is refused by name", () => {
  const model = (build: (writer: GraphWriter) => string) =>
    modelOf({ name: "", inputs: { x: [1, 8, 2, 2] }, build, size: 32 });
  const feeds = { x: new Float32Array(32) };
  const attribute = model((writer) => writer.node("Relu", ["x"], { slope: 1 }));
  expect(() => interpret(attribute, feeds, { block: 8 })).toThrow(/Relu.*attributes slope/);
  const operator = model((writer) => writer.node("Gelu", ["x"], {}, "com.microsoft"));
  expect(() => interpret(operator, feeds, { block: 8 })).toThrow(/com.microsoft:Gelu is not interpreted/);
});
