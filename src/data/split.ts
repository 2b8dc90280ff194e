import { UserError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import { randomStream, shuffle } from "../random.ts";

/**
 * Seed of the split. It is part of the protocol, not of a run: every run, whatever its seed, uses the same validation
 * images. The number is the release date of Fashion-MNIST and has no other meaning.
 */
const SPLIT_SEED = 20170825;
/** Streams of that seed. */
const VALIDATION_STREAM = 0;
const LIMIT_STREAM = 1;
const TEST_STREAM = 2;
const FOLD_STREAM = 3;

/** A partition of the indices of the labels; both parts are ascending. */
export interface Split {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Sets `validation` images aside, stratified: each class has the same share in them as in the whole, to within less
 * than one image (largest remainder method).
 *
 * @param labels class of each image, [count]
 * @param options of the split
 * @param options.classes number of classes; labels are below it
 * @param options.validation number of images to set aside, 0 up to count - 1
 * @throws UserError (exit code 2) when `validation` is out of range
 */
export function stratifiedSplit(
  labels: Uint8Array,
  { classes, validation }: { classes: number; validation: number },
): Split {
  if (!Number.isInteger(validation) || validation < 0 || validation >= labels.length) {
    throw new UserError(
      `validation images: ${validation} of ${labels.length} cannot be set aside; allowed is 0 to ${labels.length - 1}`,
      { exitCode: 2 },
    );
  }
  const quotas = proportionalQuotas(countClasses(labels, classes), validation);
  const isValidation = setAside(labels, quotas, VALIDATION_STREAM);
  const everything = Uint32Array.from(labels.keys());
  return {
    train: everything.filter((index) => !isValidation(index)),
    validation: everything.filter(isValidation),
  };
}

/** One of the parts of a k-fold cross-validation. */
export interface Fold {
  /** From 1 to `of`. */
  readonly number: number;
  /** Number of folds, 2 or more. */
  readonly of: number;
}

/**
 * Stratified k-fold cross-validation: every image validates in one fold and trains in the others. The images of a class
 * are spread over the folds to within one, and so are all images, as in scikit-learn's StratifiedKFold.
 *
 * @param labels class of each image, [count]
 * @throws UserError (exit code 2) when a class has fewer images than there are folds
 */
export function foldSplit(labels: Uint8Array, classNames: readonly string[], { number, of }: Fold): Split {
  const counts = countClasses(labels, classNames.length);
  const small = counts.findIndex((count) => count > 0 && count < of);
  if (small >= 0) {
    throw new UserError(
      (w) =>
        `${of} folds need ${of} images of each class, and ${quote(classNames[small])} has ${counts[small]}; use fewer with ${w.option("folds")}`,
      { exitCode: 2 },
    );
  }
  // Images class by class, each class in the order drawn, are dealt out to the folds in turn.
  const drawn = shuffledRange(labels.length, FOLD_STREAM);
  const byClass = [...drawn].sort((a, b) => labels[a]! - labels[b]!); // stable: within a class, in the order drawn
  const isValidation = new Uint8Array(labels.length);
  for (let place = number - 1; place < byClass.length; place += of) isValidation[byClass[place]!] = 1;
  const everything = Uint32Array.from(labels.keys());
  return {
    train: everything.filter((index) => !isValidation[index]),
    validation: everything.filter((index) => isValidation[index]),
  };
}

/**
 * Draws the images of a missing part: of each class its rounded share, and at least one image.
 *
 * @param labels class of each image, [count]
 * @param options.share 0 to 1
 * @returns indices into `labels`, ascending
 */
export function drawPart(
  labels: Uint8Array,
  { classes, share, part }: { classes: number; share: number; part: "validation" | "test" },
): Uint32Array {
  const quotas = countClasses(labels, classes).map((count) => Math.max(1, Math.round(count * share)));
  const stream = part === "test" ? TEST_STREAM : VALIDATION_STREAM;
  return Uint32Array.from(labels.keys()).filter(setAside(labels, quotas, stream));
}

/** Selects `quotas[label]` images of each class, in the order drawn by a stream. */
function setAside(labels: Uint8Array, quotas: readonly number[], stream: number): (index: number) => boolean {
  const left = [...quotas];
  const isAside = new Uint8Array(labels.length);
  for (const index of shuffledRange(labels.length, stream)) {
    const label = labels[index]!;
    if (left[label]! > 0) {
      left[label]!--;
      isAside[index] = 1;
    }
  }
  return (index) => isAside[index] === 1;
}

/**
 * Keeps `limit` training images, with equally many of each class as far as possible: the quota of a class that runs out
 * goes to the others. The images kept by a smaller limit are a subset of those kept by a larger one.
 *
 * @param indices the training images to choose from
 * @param limit how many to keep, 1 up to indices.length
 * @param labels class of every image, indexed by the values of `indices`
 * @returns a subset of `indices`, ascending
 * @throws UserError (exit code 2) when `limit` is out of range
 */
export function limitTraining(indices: Uint32Array, limit: number, labels: Uint8Array): Uint32Array {
  if (!Number.isInteger(limit) || limit < 1 || limit > indices.length) {
    throw new UserError(
      `limit: ${limit} of ${indices.length} training images cannot be kept; allowed is 1 to ${indices.length}`,
      { exitCode: 2 },
    );
  }
  // An image's round is the number of images of its class drawn before it; sorting by round takes one image of every
  // class in turn.
  const drawn = shuffledRange(indices.length, LIMIT_STREAM);
  const rounds = new Uint32Array(indices.length);
  const seen = new Map<number, number>();
  for (const place of drawn) {
    const label = labels[indices[place]!]!;
    rounds[place] = seen.get(label) ?? 0;
    seen.set(label, rounds[place]! + 1);
  }
  const byRound = [...drawn].sort((a, b) => rounds[a]! - rounds[b]!); // stable: within a round, in the order drawn
  return Uint32Array.from(byRound.slice(0, limit), (place) => indices[place]!).sort();
}

/** Number of images of each class, [classes]. @throws RangeError when a label is not a class index */
export function countClasses(labels: Uint8Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) {
    if (label >= classes) throw new RangeError(`label ${label} of ${classes} classes`);
    counts[label]!++;
  }
  return counts;
}

/**
 * Distributes `total` in proportion to `counts`: each gets the integer part of its share, and the remaining ones go to
 * the largest fractions (Hamilton's method), in a tie to the lower index. Integers throughout: a fraction is
 * represented by its remainder.
 */
function proportionalQuotas(counts: readonly number[], total: number): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const quotas = counts.map((count) => Math.floor((count * total) / all));
  const left = total - quotas.reduce((sum, quota) => sum + quota, 0);
  const byRemainder = [...counts.keys()].sort((a, b) => ((counts[b]! * total) % all) - ((counts[a]! * total) % all));
  for (const index of byRemainder.slice(0, left)) quotas[index]!++;
  return quotas;
}

/** A permutation of 0 to `length - 1`, determined by `stream`. */
function shuffledRange(length: number, stream: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  shuffle(order, randomStream(SPLIT_SEED, "split", stream));
  return order;
}
