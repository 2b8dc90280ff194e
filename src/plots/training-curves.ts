import { checkFinite, checkShare, checkSome } from "./checks.ts";

/** What was measured after one epoch. Accuracies are 0 to 1, losses in nats; null where nothing was validated. */
export interface CurveEpoch {
  /** Counted from 1. */
  readonly epoch: number;
  readonly trainAccuracy: number;
  readonly trainLoss: number;
  readonly validationAccuracy: number | null;
  readonly validationLoss: number | null;
}

/** One model, trained once or from several seeds. */
export interface TrainingCurves {
  readonly model: string;
  readonly runs: readonly { readonly seed: number; readonly epochs: readonly CurveEpoch[] }[];
  /** Said below the picture. */
  readonly note?: string | undefined;
  /** Of a figure of this model alone, in pixels. Default 720. */
  readonly width?: number | undefined;
}

export interface CurvePoint {
  readonly epoch: number;
  readonly value: number;
}

/** One quantity of one model on the training or on the validation images. */
export interface CurveSeries {
  readonly of: "train" | "validation";
  readonly runs: readonly (readonly CurvePoint[])[];
  /** Over all runs, at the epochs that every run has. */
  readonly mean: readonly CurvePoint[];
}

export type Quantity = "accuracy" | "loss";

const READ = {
  accuracy: { train: (at: CurveEpoch) => at.trainAccuracy, validation: (at: CurveEpoch) => at.validationAccuracy },
  loss: { train: (at: CurveEpoch) => at.trainLoss, validation: (at: CurveEpoch) => at.validationLoss },
} as const;

/**
 * The curves of one quantity: of the training images first, then, if something was validated, of those.
 *
 * @throws RangeError when there are no runs, a run has no epochs or not in order, or a number cannot be drawn
 */
export function curveSeries({ model, runs }: TrainingCurves, quantity: Quantity): readonly CurveSeries[] {
  checkSome(runs, `runs of ${model}`);
  for (const { seed, epochs } of runs) {
    const run = `${model}, seed ${seed}`;
    checkSome(epochs, `epochs of ${run}`);
    for (const [i, at] of epochs.entries()) checkEpoch(at, epochs[i - 1]?.epoch ?? 0, run);
  }
  return (["train", "validation"] as const)
    .map((of) => ({ of, runs: runs.map(({ epochs }) => pointsOf(epochs, READ[quantity][of])) }))
    .filter(({ runs }) => runs.some((points) => points.length > 0))
    .map((series) => ({ ...series, mean: meanOf(series.runs) }));
}

function checkEpoch(at: CurveEpoch, previous: number, run: string): void {
  const what = `${run}, epoch ${at.epoch}`;
  if (!(Number.isInteger(at.epoch) && at.epoch > previous)) {
    throw new RangeError(`${what} follows epoch ${previous}; epochs are whole numbers from 1 that increase`);
  }
  checkShare(at.trainAccuracy, `${what}: training accuracy`);
  checkFinite(at.trainLoss, `${what}: training loss`);
  if (at.validationAccuracy !== null) checkShare(at.validationAccuracy, `${what}: validation accuracy`);
  if (at.validationLoss !== null) checkFinite(at.validationLoss, `${what}: validation loss`);
}

function pointsOf(epochs: readonly CurveEpoch[], read: (at: CurveEpoch) => number | null): CurvePoint[] {
  return epochs.flatMap((at) => {
    const value = read(at);
    return value === null ? [] : [{ epoch: at.epoch, value }];
  });
}

function meanOf(runs: readonly (readonly CurvePoint[])[]): CurvePoint[] {
  const others = runs.slice(1).map((points) => new Map(points.map(({ epoch, value }) => [epoch, value])));
  return runs[0]!.flatMap(({ epoch, value }) => {
    const values = [value, ...others.map((points) => points.get(epoch) ?? Number.NaN)];
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    return Number.isNaN(mean) ? [] : [{ epoch, value: mean }];
  });
}
