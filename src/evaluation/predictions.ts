/** A classifier's predictions for labelled images; the arrays have one entry per image, in the order of the set. */
export interface Predictions {
  readonly labels: readonly number[];
  /** The class of the largest logit. */
  readonly predicted: readonly number[];
  /** The softmax probability of that class, 0 to 1. */
  readonly confidence: readonly number[];
}

/** Predictions with the probability of every class. */
export interface ScoredPredictions extends Predictions {
  /** Softmax probabilities, [images, classes], row-major. */
  readonly probabilities: Float64Array;
}

/** Whether two lists of predictions are for the same images, judged by their labels. */
export function isOfSameImages(a: Predictions, b: Predictions): boolean {
  return a.labels.length === b.labels.length && a.labels.every((label, i) => label === b.labels[i]);
}

/** A misclassified image. */
export interface Mistake {
  /** Index of the image in its set, from 0. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  readonly confidence: number;
}

/** The misclassified images with the highest confidence, in descending order; ties in the order of the images. */
export function mostConfidentMistakes(
  { labels, predicted, confidence }: Predictions,
  { count }: { count: number },
): Mistake[] {
  return labels
    .map((label, index) => ({ index, label, predicted: predicted[index]!, confidence: confidence[index]! }))
    .filter((answer) => answer.label !== answer.predicted)
    .sort((a, b) => b.confidence - a.confidence || a.index - b.index)
    .slice(0, count);
}

/** Two classes that are confused with each other. */
export interface ConfusedPair {
  readonly a: number;
  readonly b: number;
  /** Images of class a predicted as b. */
  readonly aAsB: number;
  /** Images of class b predicted as a. */
  readonly bAsA: number;
}

/**
 * Pairs of classes by the number of confusions in both directions, in descending order; pairs without any are omitted.
 *
 * @param confusion `confusion[label][predicted]` counts images
 */
export function mostConfusedPairs(
  confusion: readonly (readonly number[])[],
  { count }: { count: number },
): ConfusedPair[] {
  const pairs = confusion.flatMap((row, a) =>
    row.slice(0, a).map((_, b) => ({ a: b, b: a, aAsB: confusion[b]![a]!, bAsA: confusion[a]![b]! })),
  );
  const mistakes = ({ aAsB, bAsA }: ConfusedPair) => aAsB + bAsA;
  return pairs
    .filter((pair) => mistakes(pair) > 0)
    .sort((one, other) => mistakes(other) - mistakes(one))
    .slice(0, count);
}
