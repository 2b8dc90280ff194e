import { describe, expect, test } from "vitest";
import { findLearningRate, type LearningRateStep, suggestedRate } from "../../src/training/find-learning-rate.ts";
import { train } from "../../src/training/train.ts";
import { smallJob } from "./support/jobs.ts";

/** Steps with these averaged losses, their rates ten to the place. */
const stepsOf = (losses: readonly number[]): LearningRateStep[] =>
  losses.map((smoothLoss, i) => ({ rate: 10 ** i, loss: smoothLoss, smoothLoss }));

describe("the suggested rate", () => {
  test("is in the middle of the longest fall, without the first tenth and the last five steps", () => {
    // Places 2 to 14 count: the loss is flat to place 6, falls to place 12, and rises.
    const losses = [9, 1, 5, 5, 5, 5, 5, 4, 3.5, 3, 2.5, 2, 1.5, 3, 6, 9, 0.5, 0.4, 0.3, 0.2];
    expect(suggestedRate(stepsOf(losses))).toBe(10 ** 9);
  });

  test("a small rise within the fall does not end it", () => {
    const losses = [6, 6, 5, 4.5, 4.6, 4, 3.5, 3.6, 3, 2.5, 8, 9, 9, 9, 9];
    // From place 1: six falling steps of eight, ending at place 9.
    expect(suggestedRate(stepsOf(losses))).toBeGreaterThanOrEqual(10 ** 5);
    expect(suggestedRate(stepsOf(losses))).toBeLessThanOrEqual(10 ** 7);
  });

  test("is null where the loss does not fall", () => {
    expect(suggestedRate(stepsOf(Array.from({ length: 30 }, (_, i) => i)))).toBeNull();
    expect(suggestedRate([])).toBeNull();
  });
});

describe("the finder", () => {
  const job = smallJob({});

  test("does the steps of a training with rising rates, and ends where the loss diverges", async () => {
    const { steps, suggestion } = await findLearningRate(job, { from: 1e-5, to: 1e4, steps: 40 });
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.length).toBeLessThan(40);
    for (const [i, { rate }] of steps.entries()) expect(rate / (1e-5 * 1e9 ** (i / 39))).toBeCloseTo(1, 9);
    const least = Math.min(...steps.map(({ smoothLoss }) => smoothLoss));
    expect(least).toBeLessThan(steps[0]!.loss);
    for (const { smoothLoss } of steps) expect(smoothLoss).toBeLessThanOrEqual(4 * least + 1e-9);
    expect(suggestion).toBeGreaterThan(1e-5);
    expect(suggestion).toBeLessThan(steps.at(-1)!.rate);
  });

  test("begins with a training's own first step: its seed, batch and weights", async () => {
    // What a training reports is without smoothing.
    const unsmoothed = { ...job, recipe: { ...job.recipe, labelSmoothing: 0 } };
    const { steps } = await findLearningRate(unsmoothed, { from: 1e-9, to: 1e-8, steps: 10 });
    let first: number | undefined;
    await train(
      { ...unsmoothed, stepsPerCall: 1 },
      {
        onStep({ loss }) {
          first ??= loss;
        },
        isStopRequested: () => first !== undefined,
      },
    );
    expect(steps[0]!.smoothLoss).toBeCloseTo(steps[0]!.loss, 6);
    expect(steps[0]!.loss).toBeCloseTo(first!, 5);
  });

  test.each([
    [{ from: 1, to: 0.1 }, /learning rates from 1 to 0.1 do not rise/],
    [{ steps: 9 }, /9 steps are too few/],
  ])("%j is refused", async (options, message) => {
    await expect(findLearningRate(job, options)).rejects.toThrow(message);
  });
});
