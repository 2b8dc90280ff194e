import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { claim, type Origin } from "../../src/graph/origin.ts";
import type { Value } from "../../src/graph/value.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { batchNorm, conv2d, flatten, linear, type Model, relu, residual } from "../../src/nn/index.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { relu as reluValue } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { lowerings } from "../support/run-program.ts";
import { compiledStep, describedOperations, stepProgram } from "../support/training-step.ts";

const BASE_LAYERS = "conv1 relu1 pool1 conv2 relu2 pool2 flatten1 fc1 relu3 fc2".split(" ");
const CASES = [base, enhanced].flatMap((model) => lowerings().map((lowering) => ({ model, lowering })));

/** Two blocks: what is added up at the fork belongs to the layer before it. */
const forked: Model = {
  name: "forked",
  layers: ({ classes }) => [
    conv2d(4, { kernelSize: 1, bias: false }),
    residual([conv2d(4, { kernelSize: 1, bias: false }), batchNorm(), relu()]),
    flatten(),
    linear(classes),
  ],
};

describe("a claim", () => {
  test("reaches what has no origin yet, and stops at what has one", () => {
    const [a, b] = [input("a", [2]), reluValue(input("b", [2]))];
    const [first, second] = [reluValue(a), reluValue(b)];
    const [mine, yours]: Origin[] = [
      { layer: "mine", pass: "forward" },
      { layer: "yours", pass: "update" },
    ];
    const origins = new Map<Value, Origin>([[b, yours!]]);
    claim(origins, [first, second], mine!);
    expect([first, a, second, b].map((value) => origins.get(value))).toEqual([mine, mine, mine, yours]);
    expect(origins.has(b.inputs[0]!)).toBe(false);
  });
});

describe.each(CASES)("a training step of $model.name, $lowering.kind lowering", ({ model, lowering }) => {
  const compiled = compiledStep(model, lowering);

  test("has no operation without a layer and a pass, and the layers come in reading order", () => {
    expect(describedOperations(compiled).filter((text) => text.startsWith("nowhere"))).toEqual([]);
    expect(compiled.layers.at(0)).toBe("pixels");
    expect(compiled.layers.slice(-2)).toEqual(["loss", "vectors"]);
    if (model === base) expect(compiled.layers.slice(1, -2)).toEqual(BASE_LAYERS);
    else expect(compiled.layers.slice(1, 9)).toEqual("conv1 bn1 relu1 conv2 bn2 relu2 pool1 conv3".split(" "));
  });

  test("names every node once, after the operation, its layer and pass, and its result", () => {
    const nodes = fromBinary(ModelProtoSchema, compiled.model).graph!.node;
    const byResult = new Map(compiled.operations.flatMap((operation) => operation.results.map((v) => [v, operation])));
    expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
    const named = nodes.filter(({ name }) => !name.startsWith("output/"));
    expect(named.length).toBe(byResult.size);
    for (const { name } of named) {
      const [, kind, layer, pass, result] = /^([\w /-]+) \((\S+) (forward|backward|update)\)\/(v\d+)$/.exec(name)!;
      expect(byResult.get(result!)?.origin).toEqual({ layer, pass });
      if (!kind!.startsWith("reorder ")) expect(byResult.get(result!)?.kind).toBe(kind);
    }
  });

  test("is, but for the names of its nodes, what it would be without origins", () => {
    const { origins: _, ...program } = stepProgram(model);
    const nameless = (bytes: Uint8Array) => {
      const { graph, ...rest } = fromBinary(ModelProtoSchema, bytes);
      const node = graph!.node.map((written) => ({ ...written, name: "" }));
      return toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...rest, graph: { ...graph!, node } }));
    };
    const plain = compile(program, lowering);
    expect(Buffer.compare(nameless(compiled.model), nameless(plain.model))).toBe(0);
    expect(plain.layers).toEqual([]);
    expect(new Set(plain.operations.map(({ origin }) => origin))).toEqual(new Set([undefined]));
  });
});

describe("what fusion joins", () => {
  const lowering = { kind: "standard" } as const;

  test("in base: a convolution keeps its layer, and ReLU and pool keep theirs where they change places", () => {
    const operations = describedOperations(compiledStep(base, lowering, { optimizer: { kind: "sgd" } }));
    expect(operations.filter((text) => !text.includes("update"))).toEqual([
      "pixels forward: normalizePixels",
      "conv1 forward: fusedConv2d",
      "pool1 forward: maxPool2d",
      "conv2 forward: fusedConv2d",
      "pool2 forward: maxPool2d",
      "flatten1 forward: flatten",
      "fc1 forward: fusedMatmul",
      "relu3 forward: relu",
      "fc2 forward: fusedMatmul",
      "loss forward: softmaxCrossEntropy",
      "loss forward: countCorrect",
      "loss backward: softmaxCrossEntropyGradient",
      "fc2 backward: matmul",
      "relu3 backward: reluGradient",
      "fc1 backward: matmul",
      "flatten1 backward: unflatten",
      "relu2 backward: reluGradient",
      "pool2 backward: maxPool2dGradient",
      "conv2 backward: conv2dInputGradient",
      "relu1 backward: reluGradient",
      "conv1 backward: channelSum",
      "conv2 backward: channelSum",
      "fc1 backward: channelSum",
      "fc2 backward: channelSum",
      "pool1 backward: maxPool2dGradient",
      "conv1 backward: conv2dWeightGradient",
      "conv2 backward: conv2dWeightGradient",
      "fc1 backward: matmul",
      "fc2 backward: matmul",
    ]);
    const updates = operations.filter((text) => text.includes("update"));
    const layers = ["conv1", "conv2", "fc1", "fc2"];
    expect([...new Set(updates)]).toEqual([
      ...["concat", "multiply", "subtract", "slice"].map((kind) => `vectors update: ${kind}`),
      ...layers.flatMap((layer) => [`${layer} update: multiply`, `${layer} update: subtract`]),
    ]);
  });

  test("in enhanced: batch norm's move goes into the convolution, ReLU into batch norm", () => {
    const operations = describedOperations(compiledStep(enhanced, lowering));
    for (const layer of [1, 2, 3, 4, 5]) {
      expect(operations).toContain(`conv${layer} forward: fusedConv2d`);
      expect(operations).toContain(`bn${layer} forward: channelAffine`);
      expect(operations).toContain(`bn${layer} backward: channelCombine`);
      expect(operations).toContain(`bn${layer} update: add`);
      expect(operations.filter((text) => text.startsWith(`relu${layer} forward`))).toEqual([]);
    }
    expect(operations).toContain("fc1 forward: fusedMatmul");
    expect(operations.filter((text) => text.startsWith("fc1 update")).length).toBeGreaterThan(8);
  });

  test("layers inside of a block have names of their own; what meets at a fork is added up in the layer before", () => {
    const task = { channels: 1, height: 3, width: 3, classes: 3 };
    const compiled = compiledStep(forked, lowering, { task, optimizer: { kind: "sgd" } });
    expect(compiled.layers).toEqual(
      "pixels conv1 block1.conv1 block1.bn1 block1.relu1 block1 flatten1 fc1 loss vectors".split(" "),
    );
    const operations = describedOperations(compiled);
    expect(operations).toContain("block1 forward: add");
    expect(operations).toContain("block1.conv1 backward: conv2dInputGradient");
    expect(operations.filter((text) => /backward: add$/.test(text))).toEqual(["conv1 backward: add"]);
    expect(operations).toContain("block1.bn1 update: add");
    expect(operations).toContain("vectors update: subtract");
  });
});

describe("the multiply-adds of a step", () => {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const BATCH = 8;

  test.each(CASES)(
    "are three times those of the forward pass, less the derivative of the pixels: $model.name, $lowering.kind",
    ({ model, lowering }) => {
      // `tailor summary`: multiply-adds of one image, forward; the first convolution has no derivative of its input.
      const forward = model === base ? 4_241_152 : 22_199_296;
      const first = 28 * 28 * 32 * 9;
      const { operations } = compiledStep(model, lowering, { batchSize: BATCH });
      expect(sum(operations.map(({ multiplyAdds }) => multiplyAdds))).toBe(BATCH * (3 * forward - first));
      const ofLayer = (name: string, pass: string) =>
        operations.filter(({ origin }) => origin?.layer === name && origin.pass === pass);
      expect(sum(ofLayer("conv1", "backward").map(({ multiplyAdds }) => multiplyAdds))).toBe(BATCH * first);
      for (const layer of ["conv2", "fc1", "fc2"]) {
        const [there, back] = ["forward", "backward"].map((pass) =>
          sum(ofLayer(layer, pass).map(({ multiplyAdds }) => multiplyAdds)),
        );
        expect(there).toBeGreaterThan(0);
        expect(back).toBe(2 * there!);
      }
    },
  );
});
