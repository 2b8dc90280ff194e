import { type Calibration, calibrationOf } from "./calibration.ts";
import type { Predictions } from "./predictions.ts";

/** What is said of a classifier's answers to labelled images. Computed in float64 from logits. */
export interface ClassificationMetrics {
  /** Share of images whose largest logit is at their label, 0 to 1. */
  readonly accuracy: number;
  readonly correct: number;
  readonly total: number;
  /** Binomial standard error of the accuracy: sqrt(accuracy * (1 - accuracy) / total). */
  readonly standardError: number;
  /** Mean cross-entropy in nats, without label smoothing. */
  readonly loss: number;
  readonly perClass: readonly ClassMetrics[];
  /** `confusion[label][predicted]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** How far stated probabilities can be trusted. */
  readonly calibration: Calibration;
  /** Every answer, in the order of the images. */
  readonly predictions: Predictions;
}

/** Of one class, against all others. A ratio whose denominator is 0 is 0, as scikit-learn has it. */
export interface ClassMetrics {
  readonly label: string;
  /** Of the images that were given this label, the share that has it. */
  readonly precision: number;
  /** Of the images that have this label, the share that was given it. */
  readonly recall: number;
  /** Harmonic mean of the two. */
  readonly f1: number;
  /** Images that have this label. */
  readonly support: number;
}

/** Gathers answers batch by batch. */
export interface MetricsGatherer {
  /**
   * A NaN among an image's logits is its largest, as in PyTorch, and makes the loss NaN.
   *
   * @param logits [rows, classes] @param labels of the first `count` rows; further rows are padding and left out
   */
  add(logits: ArrayLike<number>, labels: ArrayLike<number>, count: number): void;
  /** @throws RangeError when nothing was added */
  metrics(): ClassificationMetrics;
}

export function gatherMetrics(classNames: readonly string[]): MetricsGatherer {
  const classes = classNames.length;
  const confusion = classNames.map(() => new Array<number>(classes).fill(0));
  const answered = { labels: [] as number[], predicted: [] as number[], confidence: [] as number[] };
  let lossSum = 0;
  return {
    add(logits, labels, count) {
      for (let row = 0; row < count; row++) {
        const scores = Array.from({ length: classes }, (_, label) => logits[row * classes + label]!);
        const label = labels[row]!;
        const largest = Math.max(...scores);
        const predicted = Number.isNaN(largest) ? scores.findIndex(Number.isNaN) : scores.indexOf(largest);
        const exponentials = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
        confusion[label]![predicted]!++;
        lossSum += Math.log(exponentials) + largest - scores[label]!;
        answered.labels.push(label);
        answered.predicted.push(predicted);
        answered.confidence.push(1 / exponentials);
      }
    },
    metrics() {
      const total = answered.labels.length;
      if (total === 0) throw new RangeError("metrics of no images");
      const correct = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
      const accuracy = correct / total;
      return {
        accuracy,
        correct,
        total,
        standardError: Math.sqrt((accuracy * (1 - accuracy)) / total),
        loss: lossSum / total,
        perClass: classNames.map((name, label) => classMetrics(name, label, confusion)),
        confusion,
        calibration: calibrationOf(answered),
        predictions: answered,
      };
    },
  };
}

function classMetrics(name: string, label: number, confusion: readonly (readonly number[])[]): ClassMetrics {
  const hits = confusion[label]![label]!;
  const support = confusion[label]!.reduce((sum, count) => sum + count, 0);
  const predicted = confusion.reduce((sum, row) => sum + row[label]!, 0);
  const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  const precision = ratio(hits, predicted);
  const recall = ratio(hits, support);
  return { label: name, precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
}
