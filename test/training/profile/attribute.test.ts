import { describe, expect, test } from "vitest";
import { profileSteps, purposeFinder } from "../../../src/bench/profile.ts";
import type { CompiledOperation, CompiledProgram } from "../../../src/compile/compile.ts";
import { base, enhanced } from "../../../src/models/study.ts";
import { processorLowerings } from "../../support/run-program.ts";
import { compiledStep } from "../../support/training-step.ts";
import { smallJob } from "../support/jobs.ts";

function operation(kind: string, where: string, results: readonly string[]): CompiledOperation {
  const [layer, pass] = where.split(" ");
  if (pass !== "forward" && pass !== "backward" && pass !== "update") throw new Error(where);
  return { kind, origin: { layer: layer!, pass }, multiplyAdds: 0, results };
}

const STEP = compiledStep(base, { kind: "standard" }, { batchSize: 2 });
const PROGRAM: CompiledProgram = {
  ...STEP,
  operations: [
    operation("conv2d", "conv1 forward", ["v1", "v2"]),
    operation("maxPool2d", "block1.pool1 forward", ["v12"]),
    operation("layout change", "conv2 backward", ["v20"]),
    operation("multiply", "fc1 update", ["v30"]),
  ],
};

describe("a node of the profile is known by", () => {
  const of = (node: string, operator = "Conv") => {
    const { kind, origin } = purposeFinder(PROGRAM)({ node, operator, milliseconds: 1 });
    return `${kind}, ${origin ? `${origin.layer} ${origin.pass}` : "of no layer"}`;
  };

  test.each([
    ["its own name", "conv2d (conv1 forward)/v2", "conv2d, conv1 forward"],
    ["the name it was made from", "conv2d (conv1 forward)/v1_new_reshape", "conv2d, conv1 forward"],
    ["the name and the fusion", "conv2d (conv1 forward)/v1/MatmulTransposeFusion/", "conv2d, conv1 forward"],
    ["its result: v12, not v1", "v12_nchwc", "maxPool2d, block1.pool1 forward"],
    [
      "a label with a slash in it",
      "reorder images/16 to canonical (conv2 backward)/v20",
      "layout change, conv2 backward",
    ],
    ["its pass: updates are the optimizer", "multiply (fc1 update)/v30", "optimizer, fc1 update"],
  ])("%s", (_how, node, expected) => expect(of(node)).toBe(expected));

  test.each([
    ["output/loss", "Identity", "copy of an output, of no layer"],
    ["ReorderOutput_token_3", "ReorderOutput", "layout change, of no layer"],
    ["Transpose", "Transpose", "layout change, of no layer"],
    ["v99_nchwc", "MaxPool", "ONNX Runtime's MaxPool, of no layer"],
    ["Memcpy_token_1", "MemcpyToHost", "ONNX Runtime's MemcpyToHost, of no layer"],
  ])("its operator, where ONNX Runtime put it in: %s", (node, operator, expected) =>
    expect(of(node, operator)).toBe(expected),
  );
});

const CASES = [base, enhanced].flatMap((model) => processorLowerings().map((lowering) => ({ model, lowering })));

describe.each(CASES)("real steps of $model.name, $lowering.kind lowering", ({ model, lowering }) => {
  const STEPS = 2;
  const profiled = profileSteps(smallJob({ recipe: { model }, lowering }), STEPS);
  const KINDS = new Set(compiledStep(model, lowering).operations.map(({ kind }) => kind));
  const NO_OPERATIONS = ["engine, between nodes", "loop around the engine"];

  test("spend their time on known kinds only, and on every layer", async () => {
    const { steps, byKind, byLayer } = await profiled;
    expect(steps).toBe(STEPS);
    const named = ["optimizer", "layout change", "copy of an output", ...NO_OPERATIONS];
    const kinds = byKind.map(({ kind }) => kind);
    expect(kinds.filter((kind) => !KINDS.has(kind) && !named.includes(kind))).toEqual([]);
    expect(kinds).toEqual(expect.arrayContaining(["fusedConv2d", "conv2dWeightGradient", "maxPool2d", "optimizer"]));
    const { layers } = compiledStep(model, lowering);
    expect(byLayer.map(({ layer }) => layer)).toEqual([...layers, "nodes of no layer", ...NO_OPERATIONS]);
    for (const layer of ["conv1", "conv2", "fc1", "fc2"]) {
      const row = byLayer.find((found) => found.layer === layer)!;
      expect(Math.min(row.forward!, row.backward!, row.update!)).toBeGreaterThan(0);
    }
  });

  test("add up: the rows of both lists to the step, and the shares to 1", async () => {
    const { stepMilliseconds, byKind, byLayer } = await profiled;
    for (const rows of [byKind, byLayer]) {
      expect(rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeCloseTo(stepMilliseconds, 6);
      expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      for (const { milliseconds } of rows) expect(milliseconds).toBeGreaterThanOrEqual(0);
    }
  });
});
