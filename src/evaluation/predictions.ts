/** A classifier's answers to labelled images, one of each an image, in the order of the set. */
export interface Predictions {
  readonly labels: readonly number[];
  /** The class of the largest logit. */
  readonly predicted: readonly number[];
  /** The softmax probability of that class, 0 to 1. */
  readonly confidence: readonly number[];
}

/** Whether two classifiers answered the same images, judged by their labels. */
export function isOfSameImages(a: Predictions, b: Predictions): boolean {
  return a.labels.length === b.labels.length && a.labels.every((label, i) => label === b.labels[i]);
}

/** An image that was given another label than its own. */
export interface Mistake {
  /** Of the image in its set, from 0. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  readonly confidence: number;
}

/** The mistakes that the classifier was surest of, surest first; of equals the earlier image. */
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

/** Two classes that are taken for each other. */
export interface ConfusedPair {
  readonly a: number;
  readonly b: number;
  /** Images of a taken for b, */
  readonly aAsB: number;
  /** and of b taken for a. */
  readonly bAsA: number;
}

/**
 * The pairs of classes with the most mistakes between them in either direction, most first; pairs without any are left out.
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
