import type { DuplicatePair, ImagePlace } from "../data/duplicates.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { DoubtfulLabel } from "../evaluation/doubtful-labels.ts";
import { counted, percent } from "../numbers.ts";
import type { ContactSheet, ContactSheetImage } from "../plots/contact-sheet.ts";
import { pixelsOf } from "./image-sheets.ts";

/** Contact sheets of what is odd about a data set. */

/** Pairs side by side in a row, or images. */
const PAIRS_A_ROW = 3;
const IMAGES_A_ROW = 8;
/** Characters under an image. */
const LONGEST_CAPTION = 24;

export interface BothSets {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Each pair's two images side by side, those with two labels in a dashed border. */
export function duplicatesSheet(
  pairs: readonly DuplicatePair[],
  { total, distance }: { readonly total: number; readonly distance: number },
  sets: BothSets,
): ContactSheet {
  const images = pairs.flatMap(({ a, b, labels, distance: apart }) =>
    [a, b].map((place, i): ContactSheetImage => {
      const set = sets[place.set];
      return {
        ...pixelsOf(set, place.index),
        caption: [shortName(place, sets), set.classNames[labels[i]!]!, apart === 0 ? "the same" : apart.toFixed(4)],
        border: labels[0] === labels[1] ? undefined : "bad",
      };
    }),
  );
  return {
    title: `Duplicates within a distance of ${distance}: ${counted(pairs.length, "pair")} of ${total}, nearest first`,
    columns: 2 * PAIRS_A_ROW,
    images,
    note: "Left and right of each two columns are a pair. Dashed: the two have different labels.",
  };
}

/** The test images with what they are labelled and what they are taken for. */
export function doubtfulLabelsSheet(
  doubtful: readonly DoubtfulLabel[],
  { total, runs }: { readonly total: number; readonly runs: number },
  test: ImageSet,
): ContactSheet {
  const nameOf = (label: number) => test.classNames[label]!;
  return {
    title: `Test images that ${counted(runs, "network")} took for another class: ${doubtful.length} of ${total}, surest first`,
    columns: IMAGES_A_ROW,
    images: doubtful.map(({ index, label, predicted, confidence }) => ({
      ...pixelsOf(test, index),
      caption: [
        shortName({ set: "test", index }, { test }),
        `is: ${nameOf(label)}`,
        `said: ${nameOf(predicted)}`,
        percent(confidence, 1),
      ],
    })),
    note: "Percentages: the probability that the least sure network gives its answer.",
  };
}

/** An image's name for a caption: of a path its end. */
function shortName(place: ImagePlace, sets: Partial<BothSets>): string {
  const name = imageName(place, sets);
  return name.length <= LONGEST_CAPTION ? name : `…${name.slice(1 - LONGEST_CAPTION)}`;
}

/** What an image is called: its file, or `test 4021` where images have none. */
export function imageName({ set, index }: ImagePlace, sets: Partial<BothSets>): string {
  return sets[set]?.files?.[index] ?? `${set} ${index}`;
}
