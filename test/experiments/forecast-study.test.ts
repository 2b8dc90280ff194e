import { expect, onTestFinished, test, vi } from "vitest";
import type { Lowering } from "../../src/compile/program.ts";
import { forecastStudy } from "../../src/experiments/forecast.ts";
import { type PlannedRun, planSeeds } from "../../src/experiments/planned-run.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { scriptedRuntime } from "../training/support/scripted-runtime.ts";
import { firstImages } from "../training/support/small-data.ts";

const loaded = await fashionMnist();
const train = firstImages(loaded.train, 480);

/** A processor that has blocks of 16, and what was timed on it. */
function recordingRuntime(): { runtime: Runtime; lowerings: Lowering[] } {
  const { runtime } = scriptedRuntime();
  const lowerings: Lowering[] = [];
  return {
    lowerings,
    runtime: {
      ...runtime,
      lowerings: async () => [{ kind: "blocked", block: 16 }, { kind: "standard" }],
      open: (program, options) => {
        lowerings.push(program.lowering);
        return runtime.open(program, options);
      },
    },
  };
}

const runsOf = (name: string, limit: number | null = null): PlannedRun[] =>
  planSeeds(
    { recipe: { ...findRecipe(name), epochs: 1 }, trainOn: "split", limit },
    { seeds: 2, pathOf: (seed) => `${name}-s${seed}` },
  );

test.each([
  ["standard", { kind: "standard" }],
  ["blocked", { kind: "blocked", block: 16 }],
  [undefined, { kind: "blocked", block: 16 }],
] as const)("times what is trained: with lowering %s", async (lowering, timed) => {
  const { runtime, lowerings } = recordingRuntime();
  await forecastStudy(runsOf("base"), { data: { ...loaded, train }, threads: 1, runtime, lowering });
  expect(lowerings).toEqual([timed]);
});

test("counts each run, timed by its recipe's steps", async () => {
  let clock = 0;
  const spy = vi.spyOn(performance, "now").mockImplementation(() => (clock += 10));
  onTestFinished(() => spy.mockRestore());
  const { runtime } = recordingRuntime();
  const secondsOf = (runs: PlannedRun[]) => forecastStudy(runs, { data: { ...loaded, train }, threads: 1, runtime });
  const [base, enhanced] = [await secondsOf(runsOf("base").slice(1)), await secondsOf(runsOf("enhanced").slice(1))];
  expect(base).toBeGreaterThan(0);
  expect(await secondsOf([...runsOf("base"), ...runsOf("enhanced")])).toBeCloseTo(2 * base + 2 * enhanced, 9);
});

test("times each recipe once, and divides the images once for all that share them", async () => {
  let divided = 0;
  const data = {
    ...loaded,
    get train() {
      divided++;
      return train;
    },
  };
  const { runtime, lowerings } = recordingRuntime();
  const options = { data, threads: 1, runtime, lowering: "standard" } as const;
  const runs = [...runsOf("base"), ...runsOf("enhanced")];
  await forecastStudy(runs, options);
  expect({ sessions: lowerings.length, divided }).toEqual({ sessions: 2, divided: 1 });
  await forecastStudy([...runsOf("base"), ...runsOf("enhanced", 256)], options);
  expect({ sessions: lowerings.length, divided }).toEqual({ sessions: 4, divided: 3 });
});

test("of nothing is nothing", async () => {
  const { runtime } = recordingRuntime();
  expect(await forecastStudy([], { data: loaded, threads: 1, runtime })).toBe(0);
});
