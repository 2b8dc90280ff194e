import { UserError } from "../errors.ts";
import { isOfSameImages, type Predictions } from "./predictions.ts";

/** An image for which all classifiers predict the same class, which is not its label. */
export interface DoubtfulLabel {
  /** Index of the image in its set, from 0. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** The lowest probability that a classifier gives to that class. */
  readonly confidence: number;
}

/**
 * Likely mislabelled images: those for which all classifiers predict the same class other than the label, each with at
 * least the given probability; the most confident first. Either the label is wrong, or the image looks like another
 * class.
 *
 * @param answers predictions of each classifier, for the same images
 * @param confidence 0 to 1
 * @throws UserError when the predictions are not for the same images
 */
export function doubtfulLabels(
  answers: readonly Predictions[],
  { confidence: least }: { readonly confidence: number },
): DoubtfulLabel[] {
  const [first] = answers;
  if (!first) return [];
  if (!answers.every((answer) => isOfSameImages(first, answer)))
    throw new UserError("the runs were not asked about the same images, so their answers cannot be set side by side");
  return first.labels
    .flatMap((label, index) => {
      const predicted = first.predicted[index]!;
      const confidence = Math.min(...answers.map((answer) => answer.confidence[index]!));
      const isAgreed = answers.every((answer) => answer.predicted[index] === predicted);
      return isAgreed && predicted !== label && confidence >= least ? [{ index, label, predicted, confidence }] : [];
    })
    .sort((a, b) => b.confidence - a.confidence || a.index - b.index);
}
