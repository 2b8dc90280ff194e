import type { ImageSet } from "./image-set.ts";
import { nearPairs } from "./near-duplicates.ts";

/** A set's name and an image's number in it, from 0. */
export interface ImagePlace {
  readonly set: "train" | "test";
  readonly index: number;
}

/** Two images that are the same (distance 0) or nearly. */
export interface DuplicatePair {
  readonly a: ImagePlace;
  readonly b: ImagePlace;
  readonly labels: readonly [a: number, b: number];
  /** As `nearPairs` measures it. */
  readonly distance: number;
}

/** Which sets the two images of a pair are from. */
export const PAIRINGS = ["train and test", "train", "test"] as const;
export type Pairing = (typeof PAIRINGS)[number];

export function pairingOf({ a, b }: DuplicatePair): Pairing {
  return a.set === b.set ? a.set : "train and test";
}

/** How many pairs there are of a pairing. */
export interface PairCounts {
  readonly pairing: Pairing;
  /** The same pixel by pixel, */
  readonly exact: number;
  /** or nearly. */
  readonly near: number;
  /** Of both, those with two labels. */
  readonly otherLabel: number;
}

/**
 * The pairs of duplicates between training and test images and within them, nearest first.
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
