import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkSchedule, learningRateAt, type Schedule } from "../../src/optim/schedules.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

/** As described in test/golden/README.md. */
interface SchedulesGolden {
  readonly steps: number;
  readonly cases: readonly GoldenCase[];
}

interface GoldenCase {
  readonly schedule: "step" | "cosine" | "oneCycle" | "warmUp" | "warmUpCosine";
  readonly options: {
    readonly learningRate?: number;
    readonly stepSize?: number;
    readonly gamma?: number;
    readonly totalSteps?: number;
    readonly minLearningRate?: number;
    readonly maxLearningRate?: number;
    readonly pctStart?: number;
    readonly divFactor?: number;
    readonly finalDivFactor?: number;
    readonly anneal?: "cos" | "linear";
    readonly warmUp?: { readonly startFactor: number; readonly steps: number };
  };
  readonly learningRates: readonly number[];
}

const golden: SchedulesGolden = JSON.parse(readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8"));

/** PyTorch's scheduler as one of ours. With one step per epoch, PyTorch's steps are our epochs. */
function scheduleOf({ schedule, options }: GoldenCase): { schedule: Schedule; peak: number } {
  const { learningRate, warmUp, minLearningRate } = options;
  const rise = warmUp && { warmUp: { epochs: warmUp.steps, startFactor: warmUp.startFactor } };
  switch (schedule) {
    case "step":
      return {
        schedule: { kind: "step", everyEpochs: options.stepSize!, factor: options.gamma! },
        peak: learningRate!,
      };
    case "warmUp":
      return { schedule: { kind: "constant", ...rise }, peak: learningRate! };
    case "cosine":
    case "warmUpCosine":
      return {
        schedule: { kind: "cosine", finalFactor: minLearningRate! / learningRate!, ...rise },
        peak: learningRate!,
      };
    case "oneCycle":
      return {
        schedule: {
          kind: "oneCycle",
          riseFraction: options.pctStart!,
          divFactor: options.divFactor!,
          finalDivFactor: options.finalDivFactor!,
          anneal: options.anneal === "cos" ? "cosine" : "linear",
        },
        peak: options.maxLearningRate!,
      };
    default:
      return schedule satisfies never;
  }
}

/** The rates of all steps. */
function ratesOf(schedule: Schedule, peak: number, totalSteps: number, stepsPerEpoch = 1): number[] {
  return Array.from({ length: totalSteps }, (_, step) =>
    learningRateAt(schedule, peak, { step, totalSteps, stepsPerEpoch }),
  );
}

describe("learning rates are PyTorch's", () => {
  test("the file has a case of each kind", () => {
    expect([...new Set(golden.cases.map(({ schedule }) => schedule))].sort()).toEqual([
      "cosine",
      "oneCycle",
      "step",
      "warmUp",
      "warmUpCosine",
    ]);
    expect(golden.cases).toHaveLength(6);
  });

  test.each(golden.cases.map((golden) => [golden.schedule, golden.options.anneal ?? "", golden] as const))(
    "%s %s",
    (_kind, _anneal, golden) => {
      const { schedule, peak } = scheduleOf(golden);
      // PyTorch multiplies from step to step: up to 20 roundings, each of four operations, of numbers up to the peak.
      const tolerance = 20 * 4 * 2 ** -53 * peak;
      expect(ratesOf(schedule, peak, 20)).toBeClose(golden.learningRates, { tolerance });
    },
  );
});

describe("learning rates between whole epochs", () => {
  test("change at the first step after `everyEpochs` epochs, even if those end within a step", () => {
    const schedule = { kind: "step", everyEpochs: 2, factor: 0.1 } as const;
    // 2.5 steps per epoch: two epochs end at step 5, four at step 10.
    expect(ratesOf(schedule, 1, 12, 2.5)).toEqual([1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 ** 2, 0.1 ** 2]);
    expect(ratesOf(schedule, 1, 8, 1.6).filter((rate) => rate === 1)).toHaveLength(4);
  });

  test("warm up over a fraction of an epoch, linearly up to the schedule", () => {
    const schedule = { kind: "cosine", warmUp: { epochs: 0.5, startFactor: 0.2 } } as const;
    const rates = ratesOf(schedule, 2, 20, 8);
    expect(rates.slice(0, 5)).toEqual([0.4, 0.8, 1.2000000000000002, 1.6, 2]);
    expect(rates.slice(4)).toEqual(rates.slice(4).toSorted((a, b) => b - a));
    // A step before its end, half a cosine over 16 steps.
    expect(rates.at(-1)).toBeCloseTo(1 + Math.cos((Math.PI * 15) / 16), 12);
  });
});

describe("oneCycle", () => {
  const linear = { kind: "oneCycle", divFactor: 10, finalDivFactor: 100, anneal: "linear" } as const;

  test.each([
    // torch.optim.lr_scheduler.OneCycleLR(max_lr=0.1, pct_start=0.3, div_factor=25, final_div_factor=1e4), PyTorch 1.13.1
    [2, "linear", [0.0714286857142857, 3.999999999976245e-7]],
    [2, "cosine", [0.0811745653949763, 4e-7]],
    [3, "linear", [0.09523811428571428, 0.04761925714285714, 3.999999999976245e-7]],
    [3, "cosine", [0.09944154354509119, 0.046263710266697504, 4e-7]],
  ] as const)(
    "with %i steps, fewer than 1 / riseFraction, is PyTorch's: it falls from a top before the first (%s)",
    (totalSteps, anneal, rates) => {
      const schedule = { kind: "oneCycle", riseFraction: 0.3, divFactor: 25, finalDivFactor: 1e4, anneal } as const;
      const found = rates.map((_, step) => learningRateAt(schedule, 0.1, { step, totalSteps, stepsPerEpoch: 1 }));
      expect(found).toBeClose([...rates], { tolerance: 1e-15 });
    },
  );

  test("starts at peak / divFactor, has its peak after the rise, and ends at the start / finalDivFactor", () => {
    for (const anneal of ["linear", "cosine"] as const) {
      const rates = ratesOf({ ...linear, anneal, riseFraction: 0.25 }, 4e-3, 100);
      expect(rates[0]).toBeCloseTo(4e-4, 15);
      expect(rates.indexOf(Math.max(...rates))).toBe(24);
      expect(rates[24]).toBe(4e-3);
      expect(rates[99]).toBeCloseTo(4e-6, 15);
    }
  });

  test("that does not rise falls from one step before the first", () => {
    const rates = ratesOf({ ...linear, riseFraction: 0 }, 1, 11);
    expect(rates[0]).toBeCloseTo(1 - (1 - 1e-3) / 11, 12);
    expect(rates[10]).toBeCloseTo(1e-3, 12);
  });

  test("that only rises ends at its peak", () => {
    expect(ratesOf({ ...linear, riseFraction: 1 }, 1, 10).at(-1)).toBe(1);
  });
});

describe("settings out of range are refused, naming setting, value and range", () => {
  const oneCycle = {
    kind: "oneCycle",
    riseFraction: 0.3,
    divFactor: 25,
    finalDivFactor: 1e4,
    anneal: "linear",
  } as const;
  test.each<[Schedule, string]>([
    [{ kind: "step", everyEpochs: 0, factor: 0.1 }, "schedule step: everyEpochs must be above 0, got 0"],
    [{ kind: "step", everyEpochs: Number.NaN, factor: 0.1 }, "schedule step: everyEpochs must be above 0, got NaN"],
    [{ kind: "step", everyEpochs: 1, factor: 0 }, "schedule step: factor must be above 0, got 0"],
    [{ kind: "cosine", finalFactor: -0.1 }, "schedule cosine: finalFactor must be from 0 to 1, got -0.1"],
    [{ kind: "cosine", finalFactor: 1.5 }, "schedule cosine: finalFactor must be from 0 to 1, got 1.5"],
    [
      { kind: "constant", warmUp: { epochs: -1, startFactor: 0 } },
      "schedule constant: warmUp.epochs must be at least 0, got -1",
    ],
    [
      { kind: "cosine", warmUp: { epochs: 1, startFactor: 2 } },
      "schedule cosine: warmUp.startFactor must be from 0 to 1, got 2",
    ],
    [{ kind: "linear" } as never, 'schedule: kind must be "constant", "step", "cosine" or "oneCycle", got "linear"'],
    [
      { kind: "cosine", finalfactor: 0.1 } as never,
      'schedule cosine: there is no option "finalfactor"; its options are finalFactor, warmUp',
    ],
    [{ kind: "step", everyEpochs: "2", factor: 0.1 } as never, 'schedule step: everyEpochs must be above 0, got "2"'],
    [{ ...oneCycle, riseFraction: 1.1 }, "schedule oneCycle: riseFraction must be from 0 to 1, got 1.1"],
    [{ ...oneCycle, riseFraction: Number.NaN }, "schedule oneCycle: riseFraction must be from 0 to 1, got NaN"],
    [{ ...oneCycle, divFactor: 0.5 }, "schedule oneCycle: divFactor must be at least 1, got 0.5"],
    [{ ...oneCycle, finalDivFactor: 0 }, "schedule oneCycle: finalDivFactor must be above 0, got 0"],
  ])("%j", (schedule, message) => {
    const error = userErrorOf(() => checkSchedule(schedule));
    expect({ message: error.message, exitCode: error.exitCode }).toEqual({ message, exitCode: 2 });
  });

  test("settings at the edges of their ranges are accepted", () => {
    const edges: Schedule[] = [
      { kind: "constant", warmUp: { epochs: 0, startFactor: 0 } },
      { kind: "cosine", finalFactor: 0 },
      { kind: "cosine", finalFactor: 1, warmUp: { epochs: 0, startFactor: 1 } },
      { ...oneCycle, riseFraction: 0, divFactor: 1 },
      { ...oneCycle, riseFraction: 1 },
    ];
    for (const schedule of edges) {
      checkSchedule(schedule);
      expect(ratesOf(schedule, 1, 6, 2).every((rate) => rate >= 0 && rate <= 1)).toBe(true);
    }
  });
});
