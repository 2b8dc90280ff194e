import { UserError } from "../errors.ts";
import { randomStream, shuffle } from "../random.ts";
import type { ImageSet } from "./image-set.ts";
import { countClasses } from "./split.ts";

/**
 * The weights of a recipe's `classWeights` for these training images, [classes].
 *
 * "balanced" as in scikit-learn's compute_class_weight: images / (classes x images of the class), so that every class
 * has the same total weight. Classes without images do not count among the classes; their weight is 1.
 *
 * @throws UserError (exit code 2) when the number of given weights is not that of the classes
 */
export function classWeightsOf(
  { labels, classNames }: Pick<ImageSet, "labels" | "classNames">,
  given: "balanced" | readonly number[],
): readonly number[] {
  if (given !== "balanced") {
    if (given.length === classNames.length) return given;
    throw new UserError(
      `classWeights has ${given.length} numbers, the data ${classNames.length} classes (${classNames.join(", ")}); give one for each, or "balanced"`,
      { exitCode: 2 },
    );
  }
  const counts = countClasses(labels, classNames.length);
  const filled = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 1 : labels.length / (filled * count)));
}

/**
 * Epochs in which every class is drawn equally often (to within one image), each of as many images as there are. A
 * class's images are drawn from an endless chain of its own permutations: none is drawn a second time before all
 * others of its class were.
 *
 * @param labels class of each image, [count]
 * @returns writes the images of an epoch, counted from 0, in their order into `order`, [count]
 */
export function balancedEpochs(
  labels: Uint8Array,
  classes: number,
  seed: number,
): (epoch: number, order: Uint32Array) => void {
  const members = Array.from({ length: classes }, (_, label) =>
    Uint32Array.from(labels.keys()).filter((image) => labels[image] === label),
  ).filter(({ length }) => length > 0);
  const imageCount = labels.length;
  /** Number of images of a class in the first `epochs` epochs: the numbers of all classes add up to epochs x images. */
  const drawnIn = (epochs: number, place: number) => Math.floor((epochs * imageCount + place) / members.length);
  const permutations = members.map(() => new Map<number, Uint32Array>());

  /** A class's images in the order of one round, in which each is drawn once. */
  function permutation(place: number, round: number): Uint32Array {
    const known = permutations[place]!.get(round);
    if (known) return known;
    const order = Uint32Array.from(members[place]!);
    shuffle(order, randomStream(seed, "balance", round * members.length + place));
    const kept = permutations[place]!;
    if (kept.size > 1) kept.delete(kept.keys().next().value!);
    kept.set(round, order);
    return order;
  }

  return (epoch, order) => {
    let at = 0;
    for (const [place, { length }] of members.entries()) {
      for (let drawn = drawnIn(epoch, place); drawn < drawnIn(epoch + 1, place); drawn++) {
        order[at++] = permutation(place, Math.floor(drawn / length))[drawn % length]!;
      }
    }
    shuffle(order, randomStream(seed, "shuffle", epoch));
  };
}
