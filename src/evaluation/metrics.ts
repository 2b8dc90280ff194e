import { type Calibration, calibrationOf } from "./calibration.ts";
import type { Predictions } from "./predictions.ts";

/** Metrics of a classifier on labelled images, computed in float64 from its logits. */
export interface ClassificationMetrics {
  /** Share of images whose largest logit is that of their label, 0 to 1. */
  readonly accuracy: number;
  readonly correct: number;
  readonly total: number;
  /** Binomial standard error of the accuracy: sqrt(accuracy * (1 - accuracy) / total). */
  readonly standardError: number;
  /** Mean cross-entropy in nats, without label smoothing. */
  readonly loss: number;
  readonly perClass: readonly ClassMetrics[];
  /** Confusion matrix: `confusion[label][predicted]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** Calibration of the predicted probabilities. */
  readonly calibration: Calibration;
  /** Every prediction, in the order of the images. */
  readonly predictions: Predictions;
}

/** Metrics of one class against all others. A ratio with denominator 0 is 0, as in scikit-learn. */
export interface ClassMetrics {
  readonly label: string;
  /** Share of images with this label among those predicted as it. */
  readonly precision: number;
  /** Share of images predicted as this label among those that have it. */
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
  /** Number of images with this label. */
  readonly support: number;
}

/** Accumulates metrics batch by batch. */
export interface MetricsGatherer {
  /**
   * Adds a batch. A NaN among an image's logits counts as the largest, as in PyTorch, and makes the loss NaN.
   *
   * @param logits [rows, classes] @param labels of the first `count` rows; further rows are padding and ignored
   */
  add(logits: ArrayLike<number>, labels: ArrayLike<number>, count: number): void;
  /** @throws RangeError when nothing was added */
  metrics(): ClassificationMetrics;
}

/**
 * @param classNames by class index
 * @param temperature of the probabilities, softmax(logits / temperature): affects confidence and calibration; the loss is
 *   that of the logits, as in training
 */
export function gatherMetrics(classNames: readonly string[], temperature = 1): MetricsGatherer {
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
        const cooled =
          temperature === 1
            ? exponentials
            : scores.reduce((sum, score) => sum + Math.exp((score - largest) / temperature), 0);
        answered.confidence.push(1 / cooled);
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
