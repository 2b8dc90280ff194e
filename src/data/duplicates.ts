import type { ImageSet } from "./image-set.ts";
import { nearPairs } from "./near-duplicates.ts";

/** Identifies an image: the name of its set and its index there, from 0. */
export interface ImagePlace {
  readonly set: "train" | "test";
  readonly index: number;
}

/** Two images that are identical (distance 0) or nearly so. */
export interface DuplicatePair {
  readonly a: ImagePlace;
  readonly b: ImagePlace;
  readonly labels: readonly [a: number, b: number];
  /** As defined in `nearPairs`. */
  readonly distance: number;
}

/** The sets of the two images of a pair. */
export const PAIRINGS = ["train and test", "train", "test"] as const;
export type Pairing = (typeof PAIRINGS)[number];

export function pairingOf({ a, b }: DuplicatePair): Pairing {
  return a.set === b.set ? a.set : "train and test";
}

/** Number of pairs of a pairing. */
export interface PairCounts {
  readonly pairing: Pairing;
  /** Pairs of identical images. */
  readonly exact: number;
  /** Pairs of nearly identical images. */
  readonly near: number;
  /** Pairs of either kind with different labels. */
  readonly otherLabel: number;
}

/**
 * Pairs of duplicates between training and test images and within each, nearest first.
 *
 * @throws UserError when the distance is out of range
 */
export function duplicatePairs(
  train: ImageSet,
  test: ImageSet,
  options: { readonly distance: number },
): DuplicatePair[] {
  const placeOf = (image: number): ImagePlace =>
    image < train.count ? { set: "train", index: image } : { set: "test", index: image - train.count };
  const labelOf = ({ set, index }: ImagePlace) => (set === "train" ? train : test).labels[index]!;
  return nearPairs([train, test], options).map(({ a, b, distance }) => {
    const places = [placeOf(a), placeOf(b)] as const;
    return { a: places[0], b: places[1], labels: [labelOf(places[0]), labelOf(places[1])], distance };
  });
}

export function countPairs(pairs: readonly DuplicatePair[]): PairCounts[] {
  return PAIRINGS.map((pairing) => {
    const these = pairs.filter((pair) => pairingOf(pair) === pairing);
    const exact = these.filter(({ distance }) => distance === 0).length;
    const otherLabel = these.filter(({ labels: [a, b] }) => a !== b).length;
    return { pairing, exact, near: these.length - exact, otherLabel };
  });
}
