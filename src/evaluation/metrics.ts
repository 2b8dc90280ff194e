import { type Calibration, calibrationOf } from "./calibration.ts";
import type { ScoredPredictions } from "./predictions.ts";

/** Metrics of a classifier on labelled images, computed in float64 from its logits. */
export interface ClassificationMetrics {
  /** Share of images whose largest logit is that of their label, 0 to 1. */
  readonly accuracy: number;
  readonly correct: number;
  readonly total: number;
  /** Binomial standard error of the accuracy: sqrt(accuracy * (1 - accuracy) / total). */
  readonly standardError: number;
  /** Share of images whose label is among the five largest logits, 0 to 1. Only with more than five classes. */
  readonly top5?: number;
  /** Mean cross-entropy in nats, without label smoothing. */
  readonly loss: number;
  readonly perClass: readonly ClassMetrics[];
  /** Confusion matrix: `confusion[label][predicted]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** Calibration of the predicted probabilities. */
  readonly calibration: Calibration;
  /** Every prediction, in the order of the images. */
  readonly predictions: ScoredPredictions;
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

/** With so many classes or fewer, each label is among the largest logits. */
const TOP = 5;

/**
 * @param classNames by class index
 * @param temperature of the probabilities, softmax(logits / temperature): affects confidence, calibration and rankings; the loss
 *   is that of the logits, as in training
 */
export function gatherMetrics(classNames: readonly string[], temperature = 1): MetricsGatherer {
  const classes = classNames.length;
  const confusion = classNames.map(() => new Array<number>(classes).fill(0));
  const answered = { labels: [] as number[], predicted: [] as number[], confidence: [] as number[] };
  const probabilities: Float64Array[] = [];
  let lossSum = 0;
  let top = 0;
  return {
    add(logits, labels, count) {
      const shares = new Float64Array(count * classes);
      probabilities.push(shares);
      for (let row = 0; row < count; row++) {
        const scores = Array.from({ length: classes }, (_, label) => logits[row * classes + label]!);
        const label = labels[row]!;
        const largest = Math.max(...scores);
        const predicted = Number.isNaN(largest) ? scores.findIndex(Number.isNaN) : scores.indexOf(largest);
        const exponentials = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
        const weights = scores.map((score) => Math.exp((score - largest) / temperature));
        const cooled = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of weights.entries()) shares[row * classes + i] = weight / cooled;
        if (rankOf(label, scores) < TOP) top++;
        confusion[label]![predicted]!++;
        lossSum += Math.log(exponentials) + largest - scores[label]!;
        answered.labels.push(label);
        answered.predicted.push(predicted);
        answered.confidence.push(1 / cooled);
      }
    },
    metrics() {
      const total = answered.labels.length;
      if (total === 0) throw new RangeError("metrics of no images");
      return summarized(
        { ...answered, probabilities: joined(probabilities) },
        { classNames, confusion, loss: lossSum / total, top5: top / total },
      );
    },
  };
}

/**
 * The metrics of all images together, of which each part answered some: those of the folds of a cross-validation.
 *
 * @param parts with the same classes, at least one; the predictions follow each other in their order
 */
export function pooledMetrics(parts: readonly ClassificationMetrics[]): ClassificationMetrics {
  const first = parts[0]!;
  const total = parts.reduce((sum, part) => sum + part.total, 0);
  const meanOf = (value: (part: ClassificationMetrics) => number) =>
    parts.reduce((sum, part) => sum + (value(part) * part.total) / total, 0);
  const all = <Value>(values: (predictions: ScoredPredictions) => readonly Value[]) =>
    parts.flatMap(({ predictions }) => values(predictions));
  return summarized(
    {
      labels: all(({ labels }) => labels),
      predicted: all(({ predicted }) => predicted),
      confidence: all(({ confidence }) => confidence),
      probabilities: joined(parts.map(({ predictions }) => predictions.probabilities)),
    },
    {
      classNames: first.perClass.map(({ label }) => label),
      confusion: first.confusion.map((row, label) =>
        row.map((_, predicted) => parts.reduce((sum, part) => sum + part.confusion[label]![predicted]!, 0)),
      ),
      loss: meanOf(({ loss }) => loss),
      top5: meanOf(({ top5 }) => top5 ?? 1),
    },
  );
}

interface Gathered extends Pick<ClassificationMetrics, "confusion" | "loss"> {
  readonly classNames: readonly string[];
  readonly top5: number;
}

function summarized(
  predictions: ScoredPredictions,
  { classNames, confusion, loss, top5 }: Gathered,
): ClassificationMetrics {
  const total = predictions.labels.length;
  const correct = confusion.reduce((sum, row, label) => sum + row[label]!, 0);
  const accuracy = correct / total;
  return {
    accuracy,
    correct,
    total,
    standardError: Math.sqrt((accuracy * (1 - accuracy)) / total),
    ...(classNames.length > TOP ? { top5 } : {}),
    loss,
    perClass: classNames.map((name, label) => classMetrics(name, label, confusion)),
    confusion,
    calibration: calibrationOf(predictions),
    predictions,
  };
}

/** Number of classes before this one by score: larger ones, and equal ones of lower index; NaN counts as the largest. */
function rankOf(label: number, scores: readonly number[]): number {
  const own = scores[label]!;
  const isBefore = (score: number, i: number) =>
    Number.isNaN(own) || Number.isNaN(score)
      ? Number.isNaN(score) && (!Number.isNaN(own) || i < label)
      : score > own || (score === own && i < label);
  return scores.filter(isBefore).length;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
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
