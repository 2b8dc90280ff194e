import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { measureBandwidth, measurePeak } from "../../../src/bench/roofline.ts";
import type { CompiledProgram } from "../../../src/compile/compile.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { blockedNodesOf, lowerings, nodesOf } from "../../support/run-program.ts";

/** A runtime whose runs take, by a clock that stands still otherwise, what `milliseconds` says of the run (from 0). */
function clockwork(milliseconds: (program: CompiledProgram, run: number) => number) {
  const opened: CompiledProgram[] = [];
  let released = 0;
  const runtime: Runtime = {
    version: "0.0.0",
    lowerings: async () => [{ kind: "standard" }],
    async open(program) {
      opened.push(program);
      let run = 0;
      return {
        load: () => {},
        save: async () => new Map(),
        async run() {
          vi.advanceTimersByTime(milliseconds(program, run++));
          return {};
        },
        async release() {
          released++;
        },
      };
    },
  };
  return { runtime, opened, released: () => released };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const sizeOf = ({ parameters }: CompiledProgram) => parameters[0]!.shape;

describe("the multiply-add peak", () => {
  test("is the fastest run of the fastest product, two operations per multiply-add", async () => {
    // Two runs to warm up, whose times do not count, then 9, 4, 9: the fastest is 4 ms; twice as long for the others.
    const times = [1, 1, 9, 4, 9];
    const { runtime, opened, released } = clockwork(
      (program, run) => times[run]! * (sizeOf(program)[1] === 64 ? 1 : 2),
    );
    const engine = { runtime, lowering: { kind: "standard" }, threads: 3 } as const;
    const chains = [
      { channels: 32, images: 4 },
      { channels: 64, images: 1 },
    ];
    const peak = await measurePeak(engine, { chains, matrixSize: 100, runs: 3 });
    expect(opened.map((program) => sizeOf(program))).toEqual([
      [12, 32, 30, 30],
      [3, 64, 30, 30],
      [100, 100],
    ]);
    // Four convolutions of 3 images, which take the image from 30x30 to 28x28, 26x26, 24x24 and 22x22.
    const places = 28 ** 2 + 26 ** 2 + 24 ** 2 + 22 ** 2;
    const speed = (2 * 3 * 64 * 64 * 9 * places) / 4e6;
    expect(peak.what).toBe("standard 3x3 convolutions of 64 channels");
    expect(peak.gflops).toBeCloseTo(speed, 9);
    const tried = [speed / 2, speed, (2 * 100 ** 3) / 8e6];
    expect(peak.tried.map(({ what }) => what)).toEqual([
      "standard 3x3 convolutions of 32 channels",
      "standard 3x3 convolutions of 64 channels",
      "product of 100x100 matrices",
    ]);
    peak.tried.forEach(({ gflops }, i) => {
      expect(gflops).toBeCloseTo(tried[i]!, 9);
    });
    expect(released()).toBe(3);
  });

  test.each(lowerings())("is measured on convolutions only ($kind)", async (lowering) => {
    const { runtime, opened } = clockwork(() => 1);
    await measurePeak({ runtime, lowering, threads: 1 });
    expect(opened).toHaveLength(5);
    for (const program of opened.slice(0, -1)) {
      const convolutions = nodesOf(program).filter(({ opType }) => opType === "Conv");
      expect(convolutions).toHaveLength(4);
      expect(program.operations.map(({ kind }) => kind)).toEqual([...Array(4).fill("conv2d"), "channelSum"]);
      if (lowering.kind === "blocked") {
        expect(blockedNodesOf(program).map(({ opType }) => opType)).toEqual([
          ...Array(4).fill("Conv"),
          "GlobalAveragePool",
        ]);
      }
    }
  });
});

describe("memory bandwidth", () => {
  test("counts two arrays read and one written for each sum of a chain, and the result read, in the fastest run", async () => {
    const times = [1, 1, 6, 3];
    const { runtime, opened } = clockwork((_program, run) => times[run]!);
    const bandwidth = await measureBandwidth(
      { runtime, lowering: { kind: "standard" }, threads: 1 },
      { rows: 1000, columns: 1000, runs: 2 },
    );
    expect(bandwidth).toBeCloseTo((4e6 * (8 * 3 + 1)) / 3e6, 9);
    expect(opened[0]!.parameters.map(({ shape }) => shape)).toEqual([
      [1000, 1000],
      [1000, 1000],
    ]);
    expect(nodesOf(opened[0]!).map(({ opType }) => opType)).toEqual([...Array(8).fill("Add"), "ReduceSum"]);
  });
});

test("the real engine runs them", async () => {
  vi.useRealTimers();
  for (const lowering of lowerings()) {
    const engine = { runtime: nodeRuntime, lowering, threads: 1 };
    const peak = await measurePeak(engine, { chains: [{ channels: 16, images: 1 }], matrixSize: 64, runs: 1 });
    const bandwidth = await measureBandwidth(engine, { rows: 10, columns: 100, runs: 1 });
    for (const speed of [...peak.tried.map(({ gflops }) => gflops), bandwidth]) {
      expect(speed).toBeGreaterThan(0);
      expect(speed).toBeLessThan(1e6);
    }
  }
});
