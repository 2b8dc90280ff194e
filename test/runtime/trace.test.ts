import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { workOf } from "../../src/bench/gpu-work.ts";
import { compile } from "../../src/compile/compile.ts";
import { relu } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { readGpuTrace, readTrace } from "../../src/runtime/trace.ts";

/**
 * Two runs of a program of 3x3 convolution, bias, ReLU, max-pool and a sum a channel (twice an output), in the standard
 * lowering: as ONNX Runtime 1.30.0 wrote it on a processor with AVX-512.
 */
const TRACE = readFileSync(new URL("fixtures/ort-trace.txt", import.meta.url), "utf8");

describe("a trace of ONNX Runtime's profiler", () => {
  test("gives each run's nodes in order, with their operators and milliseconds", () => {
    const runs = readTrace(TRACE);
    expect(runs.map(({ milliseconds }) => milliseconds)).toEqual([0.306, 0.078]);
    const [first, second] = runs.map(({ nodes }) => nodes);
    expect(first).toEqual([
      { node: "fusedConv2d (conv1 forward)/v0", operator: "FusedConv", milliseconds: 0.114 },
      { node: "ReorderInput", operator: "ReorderInput", milliseconds: 0.009 },
      { node: "v2_nchwc", operator: "MaxPool", milliseconds: 0.009 },
      { node: "ReorderOutput", operator: "ReorderOutput", milliseconds: 0.004 },
      { node: "channelSum (loss forward)/v3", operator: "Reshape", milliseconds: 0.008 },
      { node: "channelSum (loss forward)/v4", operator: "ReduceSum", milliseconds: 0.016 },
      { node: "channelSum (loss forward)/v5", operator: "ReduceSum", milliseconds: 0.01 },
      { node: "output/again", operator: "Identity", milliseconds: 0.003 },
    ]);
    expect(second!.map(({ node }) => node)).toEqual(first!.map(({ node }) => node));
    expect(second!.map(({ milliseconds }) => milliseconds)).toEqual([
      0.031, 0.003, 0.003, 0.002, 0.003, 0.004, 0.004, 0.002,
    ]);
  });

  test("omits an incomplete run", () => {
    const lines = TRACE.trimEnd().split("\n");
    const withoutLast = `${lines.slice(0, -2).join("\n").replace(/,$/, "")}]`;
    expect(readTrace(withoutLast)).toEqual(readTrace(TRACE).slice(0, 1));
  });

  test.each([
    ["cut off", TRACE.slice(0, 3000)],
    ["empty", ""],
    ["something else", '{"runs": 2}'],
    ["with a duration that is none", TRACE.replace('"dur" :114', '"dur" :"long"')],
  ])("that is %s is refused, with what may be wrong", (_what, text) => {
    expect(() => readTrace(text)).toThrow(
      "ONNX Runtime's profile cannot be read; is there room in the folder for temporary files (TMPDIR)?",
    );
  });
});

describe("a trace of the GPU's session", () => {
  const node = (name: string, op_name: string, provider: string, sizes: readonly [string, string, string]) => ({
    ...{ cat: "Node", name: `${name}_kernel_time`, dur: 5 },
    args: { op_name, provider, activation_size: sizes[0], parameter_size: sizes[1], output_size: sizes[2] },
  });
  const [GPU, CPU] = ["WebGpuExecutionProvider", "CPUExecutionProvider"];
  const run = [
    node("relu/v0", "Relu", GPU!, ["400", "0", "400"]),
    node("reshape/v1", "Reshape", GPU!, ["400", "16", "400"]),
    node("Transpose_token_2", "Transpose", GPU!, ["40", "0", "40"]),
    node("Cast_3", "Cast", CPU!, ["8", "0", "4"]),
    { cat: "Session", name: "model_run", dur: 90, args: {} },
  ];
  const launch = (name: string) => ({ cat: "Api", name, dur: 1, args: { shapes: "" } });
  const launches = ["relu/v0&Relu&Relu", "Transpose_token_2&Transpose&Transpose"].map(launch);
  const trace = readGpuTrace(JSON.stringify([...run, ...run, ...launches, ...launches]));

  test("has the runs, the nodes with their providers and bytes, and the launches with their nodes", () => {
    expect(trace.runs).toBe(2);
    expect(trace.nodes.slice(0, 4)).toEqual([
      { node: "relu/v0", operator: "Relu", provider: GPU, bytes: 800 },
      { node: "reshape/v1", operator: "Reshape", provider: GPU, bytes: 816 },
      { node: "Transpose_token_2", operator: "Transpose", provider: GPU, bytes: 80 },
      { node: "Cast_3", operator: "Cast", provider: CPU, bytes: 12 },
    ]);
    expect(trace.launches.map((one) => one.node)).toEqual([
      "relu/v0",
      "Transpose_token_2",
      "relu/v0",
      "Transpose_token_2",
    ]);
  });

  test("gives the work of one run; what launches nothing moves nothing", () => {
    const x = input("x", [100]);
    const program = compile({ name: "relu", feeds: [x], state: [], outputs: { y: relu(x) } }, { kind: "gpu" });
    expect(workOf(program, trace)).toEqual({
      launches: 2,
      bytes: 880,
      processorNodes: 1,
      byKind: [
        { kind: "relu", launches: 1, bytes: 800 },
        { kind: "layout change", launches: 1, bytes: 80 },
      ],
    });
  });
});
