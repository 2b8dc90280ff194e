import { UserError } from "../errors.ts";
import { isOfSameImages, type Predictions } from "./predictions.ts";

/** An image that every classifier takes for the same other class than its label. */
export interface DoubtfulLabel {
  /** Of the image in its set, from 0. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** The probability that the least sure classifier gives it. */
  readonly confidence: number;
}

/**
 * Images on which all classifiers agree against the label, each with at least a certain probability; the surest first.
 * The images are either labelled wrongly or look to every one of them like another class.
 *
 * @param answers of one classifier each, to the same images
 * @param confidence 0 to 1
 * @throws UserError when the answers are not to the same images
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
