import type { ConfidenceFit } from "../formats/network-facts.ts";

/** Labelled logits: [count, classes] and [count]. */
export interface LabelledLogits {
  readonly logits: Float32Array;
  readonly labels: Uint8Array;
}

/** Minimum number of images: a temperature of fewer is mostly chance. */
export const MIN_CONFIDENCE_IMAGES = 50;
/** Bounds of the search for a temperature. */
const [LEAST, LARGEST] = [0.05, 20];
/** Halvings of the interval of log temperatures: to about 1e-12 of it. */
const HALVINGS = 42;
/** Share of known images that may be answered as unknown: the usual point of comparison, 95 % accepted (Hendrycks and Gimpel 2017). */
const REJECTED_SHARE = 0.05;

/**
 * Fits how probabilities follow from logits, on images that training has not seen: a temperature, and the probability
 * below which an answer is unknown.
 *
 * @returns undefined for fewer than 50 images, and where no temperature fits: all images are right (the best one would
 *   be 0), or as many are wrong as by chance
 */
export function fitConfidence(images: LabelledLogits): ConfidenceFit | undefined {
  if (images.labels.length < MIN_CONFIDENCE_IMAGES) return undefined;
  const temperature = fitTemperature(images);
  return temperature === undefined
    ? undefined
    : { temperature, unknownBelow: rejectionThreshold(images, temperature, REJECTED_SHARE) };
}

/**
 * Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2): the temperature T
 * with the least mean cross-entropy of softmax(logits / T). That is convex in 1 / T, with the derivative
 * mean(sum(p * logits) - logit of the label).
 *
 * @returns undefined when it is not between 0.05 and 20
 */
export function fitTemperature({ logits, labels }: LabelledLogits): number | undefined {
  const classes = logits.length / labels.length;
  const slopeAt = (temperature: number): number => {
    let slope = 0;
    for (const [row, label] of labels.entries()) {
      const scores = logits.subarray(row * classes, (row + 1) * classes);
      const largest = Math.max(...scores);
      let [total, weighted] = [0, 0];
      for (const score of scores) {
        const share = Math.exp((score - largest) / temperature);
        total += share;
        weighted += share * score;
      }
      slope += weighted / total - scores[label]!;
    }
    return slope;
  };
  // The slope in 1 / T rises with 1 / T: above the best temperature it is negative, below positive.
  let [low, high] = [Math.log(LEAST), Math.log(LARGEST)];
  if (!(slopeAt(LEAST) > 0 && slopeAt(LARGEST) < 0)) return undefined;
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (slopeAt(Math.exp(middle)) > 0) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

/** The probability that at most the given share of the images' answers is below. */
function rejectionThreshold({ logits, labels }: LabelledLogits, temperature: number, share: number): number {
  const classes = logits.length / labels.length;
  const answers = Float64Array.from(labels, (_, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    const largest = Math.max(...scores);
    return 1 / scores.reduce((sum, score) => sum + Math.exp((score - largest) / temperature), 0);
  });
  return answers.sort()[Math.floor(labels.length * share)]!;
}
