import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readTrace } from "../../src/runtime/trace.ts";

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
