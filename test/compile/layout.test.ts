import { describe, expect, test } from "vitest";
import {
  blockedColumns,
  blockedImages,
  blockedOutputWeights,
  blockedWeights,
  CANONICAL,
  fromLayout,
  type Layout,
  layoutIndex,
  pack,
  toLayout,
  unpack,
} from "../../src/graph/layout.ts";
import { type Shape, sizeOf } from "../../src/graph/shape.ts";
import { GraphWriter } from "../../src/onnx/graph-writer.ts";
import { PROBED_BLOCK, runCompiled } from "../support/run-program.ts";
import { tensor } from "../support/tensors.ts";

interface LayoutCase {
  readonly layout: Layout;
  readonly shape: Shape;
}

function layoutsOf(block: number): LayoutCase[] {
  return [
    { layout: CANONICAL, shape: [3, 5, 7] },
    { layout: blockedImages(block), shape: [3, 2 * block, 5, 7] },
    { layout: blockedImages(block), shape: [1, block, 1, 1] },
    { layout: blockedWeights(block), shape: [2 * block, 3 * block, 3, 2] },
    { layout: blockedWeights(block), shape: [block, block, 1, 1] },
    { layout: blockedOutputWeights(block), shape: [2 * block, 3, 3, 5] },
    { layout: blockedOutputWeights(block), shape: [block, 1, 1, 1] },
    { layout: blockedColumns(block, 6), shape: [5, 2 * block * 6] },
    { layout: blockedColumns(block, 1), shape: [3, block] },
  ];
}

const named = [8, 16].flatMap((block) =>
  layoutsOf(block).map((it) => [`${it.layout.name} of [${it.shape}]`, it, block] as const),
);

describe("an index", () => {
  test.each(named)("%s takes every element once", (_name, { layout, shape }) => {
    const index = layoutIndex(layout, shape);
    expect([...index].sort((a, b) => a - b)).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
  });

  test.each(named)("%s: unpack undoes pack", (_name, { layout, shape }) => {
    const index = layoutIndex(layout, shape);
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i);
    const packed = pack(data, index);
    expect(unpack(packed, index)).toEqual(data);
  });

  test("of the canonical layout changes nothing", () => {
    expect([...layoutIndex(CANONICAL, [2, 3])]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  // Written by hand from MLAS's description of its layouts, for C = 2 blocks, two pixels.
  test("of images, block 8, is known", () => {
    expect([...layoutIndex(blockedImages(8), [1, 16, 1, 2])]).toEqual(
      [
        [0, 2, 4, 6, 8, 10, 12, 14],
        [1, 3, 5, 7, 9, 11, 13, 15],
        [16, 18, 20, 22, 24, 26, 28, 30],
        [17, 19, 21, 23, 25, 27, 29, 31],
      ].flat(),
    );
  });

  test("of images, block 16, is known", () => {
    expect([...layoutIndex(blockedImages(16), [1, 32, 1, 2])]).toEqual(
      [
        [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30],
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31],
        [32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62],
        [33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63],
      ].flat(),
    );
  });

  // A weight of [8, 8, 1, 2] lies at output * 16 + input * 2 + column; the block of outputs is innermost.
  test("of weights, block 8, is known", () => {
    const index = [...layoutIndex(blockedWeights(8), [8, 8, 1, 2])];
    expect(index.slice(0, 8)).toEqual([0, 16, 32, 48, 64, 80, 96, 112]);
    expect(index.slice(8, 16)).toEqual([2, 18, 34, 50, 66, 82, 98, 114]);
    expect(index.slice(56, 64)).toEqual([14, 30, 46, 62, 78, 94, 110, 126]);
    expect(index.slice(64, 72)).toEqual([1, 17, 33, 49, 65, 81, 97, 113]);
  });

  test("of weights, block 16, is known", () => {
    // [32, 32, 1, 1] at output * 32 + input: first 16 outputs with inputs 0 to 15, then with 16 to 31, then the rest.
    const index = [...layoutIndex(blockedWeights(16), [32, 32, 1, 1])];
    expect(index.slice(0, 4)).toEqual([0, 32, 64, 96]);
    expect(index.slice(16, 20)).toEqual([1, 33, 65, 97]);
    expect(index.slice(256, 260)).toEqual([16, 48, 80, 112]);
    expect(index.slice(512, 516)).toEqual([512, 544, 576, 608]);
  });

  test("of output weights, block 8, is known", () => {
    // [16, 2, 1, 2] at output * 4 + input * 2 + column.
    const index = [...layoutIndex(blockedOutputWeights(8), [16, 2, 1, 2])];
    expect(index.slice(0, 8)).toEqual([0, 4, 8, 12, 16, 20, 24, 28]);
    expect(index.slice(8, 16)).toEqual([1, 5, 9, 13, 17, 21, 25, 29]);
    expect(index.slice(16, 24)).toEqual([2, 6, 10, 14, 18, 22, 26, 30]);
    expect(index.slice(32, 40)).toEqual([32, 36, 40, 44, 48, 52, 56, 60]);
  });

  test("of columns, block 8, is known", () => {
    // Two rows of 8 channels with two pixels: each row lies as a blocked image of one block.
    expect([...layoutIndex(blockedColumns(8, 2), [2, 16])]).toEqual(
      [
        [0, 2, 4, 6, 8, 10, 12, 14],
        [1, 3, 5, 7, 9, 11, 13, 15],
        [16, 18, 20, 22, 24, 26, 28, 30],
        [17, 19, 21, 23, 25, 27, 29, 31],
      ].flat(),
    );
  });
});

/** Runs what `write` makes of x, given and returned as plain rows of numbers. */
async function converted(shape: Shape, data: Float64Array, write: (writer: GraphWriter, x: string) => string) {
  const { value } = tensor("x", shape, "zeros");
  const writer = new GraphWriter();
  const made = write(writer, writer.input("x", "float32", shape));
  // A blocked tensor must not leave the graph as an image: as a plain vector it shows its order.
  writer.output("y", writer.reshape(made, [sizeOf(shape)]), "float32", [sizeOf(shape)]);
  const spec = { dtype: "float32", layout: CANONICAL } as const;
  const model = writer.toBytes({ name: "conversion" });
  const [result] = await runCompiled(
    {
      name: "conversion",
      model,
      lowering: { kind: "standard" },
      feeds: [],
      parameters: [{ ...spec, name: "x", shape }],
      state: [],
      outputs: [{ ...spec, name: "y", shape: [sizeOf(shape)] }],
      operations: [],
      layers: [],
    },
    new Map([[value, data]]),
  );
  return result;
}

describe("the nodes that convert", () => {
  // Images are converted by the provider, which knows its own block only; all else by reshapes and a transposition.
  const runnable = named.filter(([, { layout }, block]) => !layout.name.startsWith("images") || block === PROBED_BLOCK);

  test.each(runnable)("%s: into the layout, do what pack does", async (_name, { layout, shape }) => {
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => i);
    const packed = await converted(shape, data, (writer, x) => toLayout(writer, x, layout, shape));
    expect(packed).toEqual(pack(Float32Array.from(data), layoutIndex(layout, shape)));
  });

  test.each(runnable)("%s: out of the layout, do what unpack does", async (_name, { layout, shape }) => {
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => i);
    const unpacked = await converted(shape, data, (writer, x) => fromLayout(writer, x, layout, shape));
    expect(unpacked).toEqual(unpack(Float32Array.from(data), layoutIndex(layout, shape)));
  });
});
