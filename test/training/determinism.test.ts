/** The same seed gives the same result, with any number of threads and after any interruption. */
import { beforeAll, describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/formats/safetensors.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { photos } from "../../src/recipes/index.ts";
import type { Recipe } from "../../src/recipes/recipe.ts";
import { decodeSnapshot, encodePosition } from "../../src/training/node/resume.ts";
import type { TrainingSnapshot } from "../../src/training/train.ts";
import { numberedSet } from "../data/fixtures.ts";
import { processorLowerings } from "../support/run-program.ts";
import { IS_THOROUGH, THOROUGH } from "../support/thorough.ts";
import { smallBase, smallEnhanced, smallJob, type TimelessEpoch, trainAndCompare } from "./support/jobs.ts";

const STEPS = 7;
const TRAINED = [
  { model: IS_THOROUGH ? base : smallBase, optimizer: { kind: "adam" } },
  {
    model: IS_THOROUGH ? enhanced : smallEnhanced,
    optimizer: { kind: "muon" },
    averaging: { kind: "exponential", decay: 0.9 },
  },
] as const;
/** Each recipe in each lowering, or in one of its own. */
const CASES = TRAINED.flatMap((recipe, i) =>
  processorLowerings()
    .filter((_, k, { length }) => IS_THOROUGH || k === Math.min(i, length - 1))
    .map((lowering) => ({ recipe, lowering })),
);

/** A snapshot as it comes back from state.safetensors. */
function throughFile({ tensors, position }: TrainingSnapshot): TrainingSnapshot {
  const named = [...tensors].map(([name, data]) => ({ name, shape: [data.length], data }));
  return decodeSnapshot(decodeSafetensors(encodeSafetensors(named, encodePosition(position)), "state"), "state");
}

describe.each(CASES)("$recipe.model.name, $recipe.optimizer.kind, $lowering.kind lowering", ({ recipe, lowering }) => {
  const options = { recipe, lowering };
  let through: Awaited<ReturnType<typeof trainAndCompare>>;
  beforeAll(async () => {
    through = await trainAndCompare(smallJob(options));
    expect(through.place.step).toBe(STEPS);
    expect(through.epochs.map(({ step }) => step)).toEqual([2, 5, 7]);
  });

  test.each(IS_THOROUGH ? [2, 4, 8] : [4])("%i threads give bitwise the result of one", async (threads) => {
    const { hash, epochs, place } = await trainAndCompare(smallJob({ ...options, threads }));
    expect({ hash, epochs, place }).toEqual({ hash: through.hash, epochs: through.epochs, place: through.place });
  });

  test.each(IS_THOROUGH ? [2, 5] : [2])(
    "%i steps per engine run give bitwise the result of one at a time",
    async (stepsPerCall) => {
      const { hash, epochs, place } = await trainAndCompare(smallJob({ ...options, stepsPerCall }));
      expect({ hash, epochs, place }).toEqual({ hash: through.hash, epochs: through.epochs, place: through.place });
    },
  );

  test("stopped after every step and resumed from its state each time, it gives bitwise the same result and metrics", async () => {
    let from: TrainingSnapshot | undefined;
    const epochs: TimelessEpoch[] = [];
    for (let step = 1; step <= STEPS; step++) {
      const part = await trainAndCompare(smallJob(options), { isStopRequested: () => true }, from);
      expect(part.place.step).toBe(step);
      expect(part.isFinished).toBe(step === STEPS);
      epochs.push(...part.epochs);
      from = throughFile(part.snapshot);
      if (step === STEPS) expect(part.hash).toBe(through.hash);
    }
    expect(epochs).toEqual(through.epochs);
  });
});

test(
  "photos: number of threads, steps per engine run and interruption change no bit, at a size that no stride divides",
  THOROUGH,
  async () => {
    const geometry = { channels: 3, height: 21, width: 26 };
    const data = {
      train: numberedSet(20, { ...geometry, pixel: (image, at) => (image * 37 + at * at) % 256 }),
      validation: null,
    };
    const recipe: Recipe = { ...photos, optimizer: { kind: "adam" }, batchSize: 8, epochs: 2 };
    const job = (options: object) => smallJob({ data, recipe, lowering: processorLowerings().at(-1)!, ...options });
    const through = await trainAndCompare(job({}));
    expect((await trainAndCompare(job({ threads: 4, stepsPerCall: 3 }))).hash).toBe(through.hash);
    const { snapshot } = await trainAndCompare(job({}), { isStopRequested: () => true });
    expect((await trainAndCompare(job({}), {}, throughFile(snapshot))).hash).toBe(through.hash);
  },
);

test("another seed gives other weights and other batches", async () => {
  const [one, two] = [await trainAndCompare(smallJob({ seed: 1 })), await trainAndCompare(smallJob({ seed: 2 }))];
  expect(two.hash).not.toBe(one.hash);
  expect(two.epochs[0]?.trainLoss).not.toBe(one.epochs[0]?.trainLoss);
});

test("the lowerings compute the same to float32's rounding", { skip: processorLowerings().length < 2 }, async () => {
  const [standard, blocked] = await Promise.all(
    processorLowerings().map((lowering) => trainAndCompare(smallJob({ lowering, recipe: { epochs: 1 } }))),
  );
  // Two steps of Adam on a network that starts the same: sums of up to 3,136 terms in another order.
  expect(blocked!.epochs[0]!.trainLoss).toBeCloseTo(standard!.epochs[0]!.trainLoss, 4);
  expect(blocked!.epochs[0]!.trainAccuracy).toBe(standard!.epochs[0]!.trainAccuracy);
});
