import { UserError } from "../errors.ts";
import { openTraining, requireInitial, type TrainingJob } from "./train.ts";

/** Options of the learning-rate finder. */
export interface FindLearningRateOptions {
  /** The rate of the first step. Default 1e-7. */
  readonly from?: number | undefined;
  /** The rate of the last step. Default 10. */
  readonly to?: number | undefined;
  /** Number of steps. Default 100. */
  readonly steps?: number | undefined;
  /** Called after each step, with the number of steps done. */
  readonly onStep?: (done: number) => void;
  /** Called after each step: true ends the search, with the steps so far. */
  readonly isStopRequested?: () => boolean;
}

/** One step of the finder. */
export interface LearningRateStep {
  readonly rate: number;
  /** Of the step's batch: the objective that training minimises. */
  readonly loss: number;
  /** Exponential moving average of the losses so far, without its bias towards 0. */
  readonly smoothLoss: number;
}

/** Result of the finder. */
export interface FoundLearningRate {
  /** The steps until the loss diverged, or the last one. */
  readonly steps: readonly LearningRateStep[];
  /** The middle of the longest fall of the loss; null if it never falls. */
  readonly suggestion: number | null;
}

/** What the finder does unless told otherwise, as fastai's `lr_find`. */
export const LEARNING_RATE_SEARCH = { from: 1e-7, to: 10, steps: 100 } as const;
/** Weight of the earlier losses in the average. */
const SMOOTHING = 0.98;
/** The search ends when the average is so many times its lowest value. */
const DIVERGED_FACTOR = 4;
/** Left out of the suggestion: the first tenth of the steps, and the last five. */
const [SKIPPED_SHARE, SKIPPED_END] = [0.1, 5] as const;

/**
 * Learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3): a training
 * whose rate rises exponentially from step to step, until the loss diverges. The recipe's schedule is not used. Range,
 * smoothing and the suggestion are those of fastai's `lr_find`.
 *
 * @throws UserError (exit code 2) when the range or the number of steps is refused, or the batch is larger than the data
 */
export async function findLearningRate(
  job: TrainingJob,
  options: FindLearningRateOptions = {},
): Promise<FoundLearningRate> {
  const {
    from = LEARNING_RATE_SEARCH.from,
    to = LEARNING_RATE_SEARCH.to,
    steps = LEARNING_RATE_SEARCH.steps,
  } = options;
  const { onStep, isStopRequested = () => false } = options;
  if (!(from > 0 && from < to && Number.isFinite(to))) {
    throw new UserError(
      `learning rates from ${from} to ${to} do not rise; give two numbers above 0, the smaller first`,
      {
        exitCode: 2,
      },
    );
  }
  if (!(Number.isInteger(steps) && steps >= 10)) {
    throw new UserError(`${steps} steps are too few to find a learning rate; give 10 or more`, { exitCode: 2 });
  }
  requireInitial(job);
  const { session, feeds, begin } = await openTraining(job);
  try {
    begin();
    const done: LearningRateStep[] = [];
    let [average, lowest] = [0, Number.POSITIVE_INFINITY];
    for (let step = 0; step < steps && !isStopRequested(); step++) {
      const rate = from * (to / from) ** (step / (steps - 1));
      const outputs = await session.run(feeds.fill(step, [rate]), 1);
      const loss = outputs.objective![0]!;
      average = SMOOTHING * average + (1 - SMOOTHING) * loss;
      const smoothLoss = average / (1 - SMOOTHING ** (step + 1));
      if (!Number.isFinite(smoothLoss) || smoothLoss > DIVERGED_FACTOR * lowest) break;
      lowest = Math.min(lowest, smoothLoss);
      done.push({ rate, loss, smoothLoss });
      onStep?.(step + 1);
    }
    return { steps: done, suggestion: suggestedRate(done) };
  } finally {
    await session.release();
  }
}

/**
 * The rate in the middle of the longest falling subsequence of the averaged losses: the steps before it learn slowly,
 * those after it are near divergence.
 */
export function suggestedRate(steps: readonly LearningRateStep[]): number | null {
  const kept = steps.slice(Math.floor(steps.length * SKIPPED_SHARE), steps.length - SKIPPED_END);
  /** Length of the longest falling subsequence that ends at each step. */
  const lengths: number[] = [];
  for (const [i, { smoothLoss }] of kept.entries()) {
    const before = lengths.filter((_, j) => kept[j]!.smoothLoss > smoothLoss);
    lengths[i] = 1 + before.reduce((most, length) => Math.max(most, length), 0);
  }
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (longest < 2) return null;
  const end = lengths.indexOf(longest);
  return kept[Math.round(end - longest / 2)]!.rate;
}
