import { count, percent } from "../text.ts";
import { countClasses } from "./split.ts";

/** Classes count as imbalanced when the largest has at least this many times the images of the smallest. */
const UNEVEN = 1.5;

/** Class imbalance of labels. */
export interface Imbalance {
  readonly largest: { readonly name: string; readonly images: number };
  readonly smallest: { readonly name: string; readonly images: number };
  /** Size of the largest class divided by that of the smallest, at least 1. */
  readonly ratio: number;
  /** Share of the largest class, 0 to 1: the accuracy of always predicting it. */
  readonly majority: number;
  readonly isUneven: boolean;
}

/**
 * @param labels class of each image, [count]
 * @param classNames of the classes; each has at least one image
 */
export function imbalanceOf(labels: Uint8Array, classNames: readonly string[]): Imbalance {
  const counts = countClasses(labels, classNames.length).map((images, i) => ({ name: classNames[i]!, images }));
  const bySize = counts.toSorted((a, b) => b.images - a.images);
  const [largest, smallest] = [bySize[0]!, bySize.at(-1)!];
  const ratio = largest.images / smallest.images;
  return { largest, smallest, ratio, majority: largest.images / labels.length, isUneven: ratio >= UNEVEN };
}

/** "classes are uneven: dog 100, cat 900 images (9.0 times as many); always saying cat would be right in 90.0 %" */
export function imbalanceText({ largest, smallest, ratio, majority, isUneven }: Imbalance): string {
  if (largest.images === smallest.images) return `classes are even: ${count(largest.images)} images to train each`;
  return `classes are ${isUneven ? "uneven" : "nearly even"}: ${smallest.name} ${count(smallest.images)}, ${largest.name} ${count(largest.images)} images to train (${ratio.toFixed(1)} times as many); always saying ${largest.name} would be right in ${percent(majority, 1)}`;
}
