import { expect, test } from "vitest";
import { stepProfile } from "../../../src/bench/profile.ts";
import type { CompiledOperation, CompiledProgram } from "../../../src/compile/compile.ts";
import type { Pass } from "../../../src/graph/origin.ts";
import { base } from "../../../src/models/study.ts";
import { profileLines } from "../../../src/report/profile-tables.ts";
import type { EngineRun } from "../../../src/runtime/trace.ts";
import { compiledStep } from "../../support/training-step.ts";

const operation = (
  kind: string,
  [layer, pass]: readonly [string, Pass],
  result: string,
  multiplyAdds = 0,
): CompiledOperation => ({ kind, origin: { layer, pass }, multiplyAdds, results: [result] });

const PROGRAM: CompiledProgram = {
  ...compiledStep(base, { kind: "standard" }, { batchSize: 2 }),
  layers: ["pixels", "conv1", "conv2", "loss"],
  operations: [
    operation("conv2d", ["conv2", "forward"], "v0", 3e6),
    operation("conv2d", ["conv1", "forward"], "v1", 1e6),
    operation("conv2dWeightGradient", ["conv1", "backward"], "v2", 5e6),
    operation("multiply", ["conv1", "update"], "v3"),
    operation("add", ["conv2", "update"], "v4"),
  ],
};

/** A run of so many milliseconds whose nodes v0, v1, ... take these. */
function run(milliseconds: number, times: readonly number[], own = 0): EngineRun {
  const nodes = times.map((time, i) => ({ node: `x/v${i}`, operator: "Conv", milliseconds: time }));
  return { milliseconds, nodes: [...nodes, { node: "Transpose", operator: "Transpose", milliseconds: own }] };
}

const WARM_UP = run(900, [100, 200, 300]);
const [FIRST, SECOND] = [run(16, [4, 2, 3, 1, 1], 2), run(14, [2, 2, 5, 1, 0], 1)];
/** Two steps of 18 and 22 ms, of which the engine has 15 in the mean and its nodes 12. */
const TIMED = [
  { steps: 1, milliseconds: 18 },
  { steps: 1, milliseconds: 22 },
];
const PROFILE = stepProfile(PROGRAM, [WARM_UP, FIRST, SECOND], TIMED);

test("the mean over steps by kind: the longest first, with the speed of products", () => {
  expect(PROFILE).toMatchObject({ steps: 2, stepMilliseconds: 20, multiplyAdds: 9e6 });
  expect(PROFILE.byKind).toEqual([
    // 4 million multiply-adds, two operations each, in 5 ms.
    { kind: "conv2d", milliseconds: 5, share: 0.25, gflops: 1.6 },
    { kind: "conv2dWeightGradient", milliseconds: 4, share: 0.2, gflops: 2.5 },
    { kind: "optimizer", milliseconds: 1.5, share: 0.075, gflops: null },
    { kind: "layout change", milliseconds: 1.5, share: 0.075, gflops: null },
    { kind: "engine, between nodes", milliseconds: 3, share: 0.15, gflops: null },
    { kind: "loop around the engine", milliseconds: 5, share: 0.25, gflops: null },
  ]);
});

test("the mean over steps by layer: in order of execution, without those that take no time", () => {
  const none = { forward: null, backward: null, update: null };
  expect(PROFILE.byLayer).toEqual([
    { layer: "conv1", forward: 2, backward: 4, update: 1, milliseconds: 7, share: 0.35 },
    { layer: "conv2", forward: 3, backward: 0, update: 0.5, milliseconds: 3.5, share: 0.175 },
    { layer: "nodes of no layer", ...none, milliseconds: 1.5, share: 0.075 },
    { layer: "engine, between nodes", ...none, milliseconds: 3, share: 0.15 },
    { layer: "loop around the engine", ...none, milliseconds: 5, share: 0.25 },
  ]);
});

test("missing steps in the profile are an internal error", () => {
  expect(() => stepProfile(PROGRAM, [SECOND], TIMED)).toThrow("the profile has 1 of 2 runs");
});

test("as tables", () => {
  expect(profileLines(PROFILE)).toEqual([
    "time of a step in milliseconds, mean of 2 with the profiler on",
    "",
    "kind                        ms    share  GFLOP/s",
    "conv2d                   5.000   25.0 %        2",
    "conv2dWeightGradient     4.000   20.0 %        3",
    "optimizer                1.500    7.5 %",
    "layout change            1.500    7.5 %",
    "engine, between nodes    3.000   15.0 %",
    "loop around the engine   5.000   25.0 %",
    "total                   20.000  100.0 %",
    "",
    "layer                   forward  backward  update      ms    share",
    "conv1                     2.000     4.000   1.000   7.000   35.0 %",
    "conv2                     3.000     0.000   0.500   3.500   17.5 %",
    "nodes of no layer                                   1.500    7.5 %",
    "engine, between nodes                               3.000   15.0 %",
    "loop around the engine                              5.000   25.0 %",
    "total                                              20.000  100.0 %",
  ]);
});
