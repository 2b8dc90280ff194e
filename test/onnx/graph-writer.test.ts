import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type AttributeProto, ModelProtoSchema, type TensorProto } from "../../src/onnx/generated/onnx_pb.ts";
import { GraphWriter, type OnnxAttribute } from "../../src/onnx/graph-writer.ts";
import { ort } from "../../src/runtime/node/ort.ts";

/** The model that a writer makes, read back from its bytes. */
function decode(writer: GraphWriter, metadata?: Record<string, string>) {
  const bytes = writer.toBytes(metadata ? { name: "test", metadata } : { name: "test" });
  const model = fromBinary(ModelProtoSchema, bytes);
  return { ...model, graph: model.graph! };
}

/** Numbers of a stored tensor, by ONNX's data types: 1 float32, 6 int32, 7 int64. */
function numbersOf({ dataType, rawData }: TensorProto): number[] {
  const bytes = rawData.slice().buffer;
  switch (dataType) {
    case 1:
      return [...new Float32Array(bytes)];
    case 6:
      return [...new Int32Array(bytes)];
    case 7:
      return [...new BigInt64Array(bytes)].map(Number);
    default:
      throw new Error(`data type ${dataType}`);
  }
}

describe("attributes are encoded with ONNX's types", () => {
  const encoded = (value: OnnxAttribute): AttributeProto => {
    const writer = new GraphWriter();
    writer.node("Op", [], { it: value });
    return decode(writer).graph.node[0]!.attribute[0]!;
  };

  test("a plain number is INT (2), also a negative one", () => {
    expect(encoded(3)).toMatchObject({ name: "it", type: 2, i: 3n });
    expect(encoded(-1)).toMatchObject({ type: 2, i: -1n });
    expect(encoded(2 ** 53)).toMatchObject({ type: 2, i: 9007199254740992n });
  });

  test("a list of numbers is INTS (7), in order; an empty one too", () => {
    expect(encoded([0, -1, 2])).toMatchObject({ type: 7, ints: [0n, -1n, 2n], floats: [] });
    expect(encoded([])).toMatchObject({ type: 7, ints: [] });
  });

  test("a wrapped number is FLOAT (1), also when it is whole; wrapped lists are FLOATS (6)", () => {
    expect(encoded({ float: 1 })).toMatchObject({ type: 1, f: 1, i: 0n });
    expect(encoded({ float: 0.1 }).f).toBe(Math.fround(0.1));
    expect(encoded({ floats: [0, -0.5] })).toMatchObject({ type: 6, floats: [0, -0.5], ints: [] });
  });

  test("a text is STRING (3), as UTF-8", () => {
    const { type, s } = encoded("naïve");
    expect([type, new TextDecoder().decode(s)]).toEqual([3, "naïve"]);
  });

  test("a plain number that is not an integer is an internal error", () => {
    expect(() => encoded(0.5)).toThrow(RangeError);
    expect(() => encoded([1, 0.5])).toThrow(RangeError);
  });
});

describe("constants", () => {
  test("of equal contents, shape and type are stored once", () => {
    const writer = new GraphWriter();
    const names = [
      writer.floats([1, 2], [2]),
      writer.floats(Float32Array.of(1, 2), [2]),
      writer.scalar(1),
      writer.scalar(1),
      writer.integers([1, 2]),
      writer.integers([1, 2]),
    ];
    expect(names).toEqual([names[0], names[0], names[2], names[2], names[4], names[4]]);
    expect(decode(writer).graph.initializer).toHaveLength(3);
  });

  test("that differ in shape, type, or the sign of a zero are not", () => {
    const writer = new GraphWriter();
    const names = [
      writer.floats([1, 2], [2]),
      writer.floats([1, 2], [1, 2]),
      writer.floats([1, 2], [2, 1]),
      writer.scalar(1),
      writer.floats([1], [1]),
      writer.floats([0], [1]),
      writer.floats([-0], [1]),
      writer.int32s([0], [1]),
      writer.integers([0]),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  test("are read back with their type, shape and values", () => {
    const writer = new GraphWriter();
    writer.floats([0.5, -1, 3], [3, 1]);
    writer.scalar(7);
    writer.integers([-1, 2 ** 40]);
    writer.int32s([1, -2], [1, 2]);
    writer.initializer("weights", Float32Array.of(9, 8, 7, 6), [2, 2]);
    const { initializer } = decode(writer).graph;
    expect(initializer.map(({ dataType, dims }) => [dataType, dims])).toEqual([
      [1, [3n, 1n]],
      [1, []],
      [7, [2n]],
      [6, [1n, 2n]],
      [1, [2n, 2n]],
    ]);
    expect(initializer.map(numbersOf)).toEqual([[0.5, -1, 3], [7], [-1, 2 ** 40], [1, -2], [9, 8, 7, 6]]);
    expect(initializer.at(-1)!.name).toBe("weights");
  });

  test("are copies: what becomes of the numbers afterwards changes nothing, and views give their part only", () => {
    const writer = new GraphWriter();
    const numbers = Float32Array.of(0, 1, 2, 3);
    writer.initializer("part", numbers.subarray(1, 3), [2]);
    writer.floats(numbers.subarray(2), [2]);
    numbers.fill(9);
    expect(decode(writer).graph.initializer.map(numbersOf)).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  test("that are large are stored without searching for equal ones", () => {
    const writer = new GraphWriter();
    const large = new Float32Array(65);
    expect(writer.floats(large, [65])).not.toBe(writer.floats(large, [65]));
    const small = new Float32Array(64);
    expect(writer.floats(small, [64])).toBe(writer.floats(small, [64]));
  });
});

describe("nodes", () => {
  test("are in the order in which they were written, each with its own output, named after the operation", () => {
    const writer = new GraphWriter();
    const x = writer.input("x", "float32", [2, 3]);
    writer.label = "first";
    const a = writer.node("Relu", [x]);
    writer.label = "second";
    const b = writer.node("Add", [a, x]);
    writer.output("y", b, "float32", [2, 3]);
    const { node, input, output } = decode(writer).graph;
    expect(node.map(({ opType, input: inputs, output: outputs }) => [opType, inputs, outputs])).toEqual([
      ["Relu", ["x"], [a]],
      ["Add", [a, "x"], ["y"]],
    ]);
    expect(node.map(({ name }) => name)).toEqual([`first/${a}`, `second/${b}`]);
    expect([input, output].map((values) => values.map(({ name }) => name))).toEqual([["x"], ["y"]]);
  });

  test("give their result the output's name, for later readers too; a second output and an input are copied", () => {
    const writer = new GraphWriter();
    const x = writer.input("x", "float32", [2]);
    const a = writer.node("Relu", [x]);
    writer.output("first", a, "float32", [2]);
    writer.output("second", a, "float32", [2]);
    writer.output("third", x, "float32", [2]);
    writer.node("Neg", [a]);
    const { node, output } = decode(writer).graph;
    expect(node.map(({ opType, input: inputs, output: outputs }) => [opType, inputs, outputs[0]]).slice(0, 3)).toEqual([
      ["Relu", ["x"], "first"],
      ["Identity", ["first"], "second"],
      ["Identity", ["x"], "third"],
    ]);
    expect(node[3]!.input).toEqual(["first"]);
    expect(output.map(({ name }) => name)).toEqual(["first", "second", "third"]);
  });

  test("leave an optional input out by an empty name, so that later ones keep their places", () => {
    const writer = new GraphWriter();
    writer.node("Clip", ["x", undefined, "most"]);
    expect(decode(writer).graph.node[0]!.input).toEqual(["x", "", "most"]);
  });

  test("of other domains declare them, each once; a standard graph declares opset 17 only", () => {
    const domains = (writer: GraphWriter) => decode(writer).opsetImport.map(({ domain, version }) => [domain, version]);
    const writer = new GraphWriter();
    expect(domains(writer)).toEqual([["", 17n]]);
    writer.blocked("ReorderInput", ["x"]);
    writer.blocked("ReorderOutput", ["x"], { channels: 3 });
    writer.node("FusedMatMul", ["x", "y"], {}, "com.microsoft");
    expect(domains(writer)).toEqual([
      ["", 17n],
      ["com.microsoft.nchwc", 1n],
      ["com.microsoft", 1n],
    ]);
    expect(decode(writer).graph.node.map(({ domain }) => domain)).toEqual([
      "com.microsoft.nchwc",
      "com.microsoft.nchwc",
      "com.microsoft",
    ]);
  });
});

describe("the model", () => {
  test("has IR version, producer, name, metadata, and dimensions by size or by name", () => {
    const writer = new GraphWriter({ dynamicBatch: true });
    expect([writer.dynamicBatch, new GraphWriter().dynamicBatch]).toEqual([true, false]);
    writer.input("pixels", "uint8", ["batch", 3]);
    const { irVersion, producerName, metadataProps, graph } = decode(writer, { classes: '["a"]', "": "" });
    expect({ irVersion, producerName, name: graph.name }).toEqual({
      irVersion: 8n,
      producerName: "tailor",
      name: "test",
    });
    expect(metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ["classes", '["a"]'],
      ["", ""],
    ]);
    const { type } = graph.input[0]!;
    const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
    expect(tensor?.elemType).toBe(2);
    expect(tensor?.shape?.dim.map(({ value }) => [value.case, value.value])).toEqual([
      ["dimParam", "batch"],
      ["dimValue", 3n],
    ]);
  });

  test("runs: helpers write the operators they are named after", async () => {
    const writer = new GraphWriter();
    const x = writer.input("x", "float32", [2, 3]);
    writer.output("sums", writer.reduceSum(x, [1]), "float32", [2]);
    writer.output("turned", writer.transpose(x, [1, 0]), "float32", [3, 2]);
    writer.output("flat", writer.cast(writer.reshape(x, [-1]), "int32"), "int32", [6]);
    const { InferenceSession, Tensor } = ort();
    const session = await InferenceSession.create(writer.toBytes({ name: "helpers" }));
    const results = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6.5), [2, 3]) });
    await session.release();
    expect([...(await results.sums!.getData())]).toEqual([6, 15.5]);
    expect([...(await results.turned!.getData())]).toEqual([1, 4, 2, 5, 3, 6.5]);
    expect([...(await results.flat!.getData())]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(results.sums!.dims).toEqual([2]);
  });
});
