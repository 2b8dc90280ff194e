import type progress from "cli-progress";
import type { MetricsLine } from "../runs/metrics.ts";
import type { RunRecord } from "../runs/run-record.ts";
import { count, counted, duration, percent } from "../text.ts";
import type { TrainingProgress } from "../training/progress.ts";
import type { TrainingSnapshot } from "../training/train.ts";
import { fittedLine, type LinePart, type LineState, liveLine, terminalWidth } from "./live-line.ts";
import type { Output } from "./output.ts";

/** Number of steps before a time estimate is shown, as the first ones are slower. */
const FORECAST_AFTER_STEPS = 20;

/** What the live line shows beside its bar. */
interface LineFields {
  /** `2/12` */
  readonly epoch: string;
  readonly loss: string;
  readonly accuracy: string;
  readonly rate: string;
  readonly speed: string;
  readonly left: string;
}

/** The live line's parts: how long it still takes matters most, and does not fit at the end of 100 columns. */
export function trainingLine({ bar, value, total }: LineState, fields: LineFields): LinePart[] {
  return [
    { text: `epoch ${fields.epoch} `, rank: 0 },
    { text: `${bar} `, rank: 1 },
    { text: `step ${value}/${total}`, rank: 0 },
    { text: ` | loss ${fields.loss}`, rank: 2 },
    { text: ` | accuracy ${fields.accuracy}`, rank: 3 },
    { text: ` | rate ${fields.rate}`, rank: 5 },
    { text: ` | ${fields.speed} images/s`, rank: 4 },
    { text: ` | ${fields.left}`, rank: 0 },
  ];
}

/** Displays a training: a live line on a terminal, otherwise a time estimate and one line per epoch. */
export function trainingDisplay(output: Output, epochs: number) {
  let bar: progress.SingleBar | undefined;
  let firstStep: number | undefined;
  let hasForecast = false;

  const isForecast = ({ step }: TrainingProgress) => step - (firstStep ?? step) >= FORECAST_AFTER_STEPS;
  const fields = (now: TrainingProgress): LineFields => ({
    epoch: `${now.epoch}/${now.epochs}`,
    loss: now.loss.toFixed(4),
    accuracy: percent(now.accuracy),
    rate: now.learningRate.toExponential(1),
    speed: count(now.imagesPerSecond),
    left: isForecast(now) ? `${duration(now.secondsLeft)} left` : "...",
  });

  /** Clears the live line, so that something else can be printed. */
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };

  return {
    step(now: TrainingProgress): void {
      firstStep ??= now.step;
      if (output.isInteractive) {
        if (!bar) {
          bar = liveLine(trainingLine);
          bar.start(now.totalSteps, now.step, fields(now));
        }
        bar.update(now.step, fields(now));
      } else if (isForecast(now) && !hasForecast) {
        hasForecast = true;
        output.note(
          `step ${now.step} of ${count(now.totalSteps)}: ${count(now.imagesPerSecond)} images/s, about ${duration(now.secondsLeft)} left`,
        );
      }
    },
    epoch(line: MetricsLine): void {
      clear();
      output.note(
        output.isInteractive ? fittedLine(epochParts(line, epochs), terminalWidth()) : epochLine(line, epochs),
      );
    },
    clear,
  };
}

/** What a line about an epoch that is done, of so many, is made of; at 80 columns the two losses and the validation accuracy fit. */
export function epochParts(line: MetricsLine, epochs: number): LinePart[] {
  const validated =
    line.validationAccuracy === null || line.validationLoss === null
      ? ""
      : ` | validation loss ${line.validationLoss.toFixed(4)}, accuracy ${percent(line.validationAccuracy)}`;
  return [
    { text: `epoch ${String(line.epoch).padStart(String(epochs).length)}/${epochs}`, rank: 0 },
    { text: ` | train loss ${line.trainLoss.toFixed(4)}`, rank: 0 },
    { text: `, accuracy ${percent(line.trainAccuracy)}`, rank: 1 },
    { text: validated, rank: 0 },
    { text: ` | rate ${line.learningRate.toExponential(1)}`, rank: 4 },
    { text: ` | ${count(line.imagesPerSecond)} images/s`, rank: 3 },
    { text: ` | ${duration(line.seconds)}`, rank: 2 },
  ];
}

/** All of it, for a log. */
export function epochLine(line: MetricsLine, epochs: number): string {
  return fittedLine(epochParts(line, epochs), Number.POSITIVE_INFINITY);
}

/** One line that describes a run at its start. */
export function startLine(record: RunRecord, from: TrainingSnapshot | undefined): string {
  const { recipeName, parameters, data, epochs, batchSize, fittedFrom, seed, fold, lowering, blockSize, threads } =
    record;
  const block = blockSize === null ? "" : ` (block ${blockSize})`;
  const before = [
    ...(fittedFrom && fittedFrom.epochs !== epochs ? [counted(fittedFrom.epochs, "epoch")] : []),
    ...(fittedFrom && fittedFrom.batchSize !== batchSize ? [`batch ${fittedFrom.batchSize}`] : []),
  ];
  const fitted = before.length === 0 ? "" : ` (chosen for so few images; the recipe has ${before.join(", ")})`;
  const where = from === undefined ? "" : `, from step ${from.position.step}`;
  return `${recipeName}: ${count(parameters)} parameters, ${count(data.trainImages)} images, ${counted(epochs, "epoch")}, batch ${batchSize}${fitted}, seed ${seed}${fold ? `, fold ${fold.number} of ${fold.of}` : ""}, ${lowering} lowering${block}, ${counted(threads, "thread")}${where}`;
}
