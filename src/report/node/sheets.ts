import type { DuplicatePair, ImagePlace } from "../../data/duplicates.ts";
import type { ImageSet } from "../../data/image-set.ts";
import type { DoubtfulLabel } from "../../evaluation/doubtful-labels.ts";
import { mostConfidentMistakes } from "../../evaluation/predictions.ts";
import { type ContactSheet, type ContactSheetImage, contactSheet } from "../../plots/contact-sheet.ts";
import { drawSvg } from "../../plots/node/render.ts";
import type { Figure } from "../../plots/svg.ts";
import { counted, percent } from "../../text.ts";
import type { EvaluatedModel } from "./model-figures.ts";

/** A figure of the report. */
export interface StudyFigure {
  /** The name of its file, without extension. */
  readonly name: string;
  readonly title: string;
  /** Caption on the page; the picture itself has only the text it needs to be understood alone. */
  readonly caption: string;
  readonly section: FigureSection;
  /** The text of an SVG file. */
  readonly svg: string;
}

export type FigureSection =
  | "gains"
  | "overview"
  | "curves"
  | "confusion"
  | "calibration"
  | "ranking"
  | "mistakes"
  | "data"
  | "cost";

/** Draws a figure. */
export function drawn<Input>(figure: Figure<Input>, input: Input, words: Omit<StudyFigure, "svg">): StudyFigure {
  return { ...words, svg: drawSvg(figure, input) };
}

const MISTAKES = { count: 12, columns: 6 };

/**
 * The most confident mistakes of a model, with the predicted class and its confidence; no sheet without mistakes.
 *
 * @throws RangeError when the predictions are not for these images
 */
export function mistakesSheet({ recipe, prefix, split, metrics }: EvaluatedModel, images: ImageSet): StudyFigure[] {
  const title = `${recipe}: its most confident mistakes`;
  const mistakes = mostConfidentMistakes(metrics.predictions, MISTAKES);
  if (mistakes.length === 0) return [];
  const sheet = mistakes.map(({ index, label, predicted, confidence }): ContactSheetImage => {
    if (images.labels[index] !== label) throw new RangeError(`image ${index} is not the one that was answered`);
    const said = `said: ${images.classNames[predicted]}`;
    const caption = [`is: ${images.classNames[label]}`, said, percent(confidence)];
    return { ...pixelsOf(images, index), caption, border: "bad" };
  });
  return [
    drawn(
      contactSheet,
      { title, columns: MISTAKES.columns, images: sheet },
      {
        name: `${prefix}mistakes`,
        title,
        caption: `The ${mistakes.length} ${split} images that ${recipe} got wrong with the most confidence: the label they have, the answer, and the probability that the model gave it.`,
        section: "mistakes",
      },
    ),
  ];
}

interface Sample {
  /** Which images they are. */
  readonly of: "test" | "validation" | "training";
  /** Number of images of each class. */
  readonly eachClass: number;
  readonly columns: number;
}

/** The first images of each class, class by class. */
export function dataSample(images: ImageSet, { of, eachClass, columns }: Sample): StudyFigure {
  const title = `A sample of the ${of} images`;
  const shown = images.classNames.flatMap((name, label) =>
    firstOfClass(images, label, eachClass).map((index) => ({ name, index })),
  );
  const sheet = shown.map(({ name, index }): ContactSheetImage => ({ ...pixelsOf(images, index), caption: [name] }));
  const first = eachClass === 1 ? `The first ${of} image` : `The first ${eachClass} ${of} images`;
  return drawn(
    contactSheet,
    { title, columns, images: sheet },
    {
      name: "data-sample",
      title,
      caption: `${first} of each class, as the networks see them: ${images.width} × ${images.height} pixels, ${images.channels === 3 ? "colour" : "grey"}.`,
      section: "data",
    },
  );
}

function firstOfClass({ labels }: ImageSet, label: number, most: number): number[] {
  const found: number[] = [];
  for (let index = 0; index < labels.length && found.length < most; index++) {
    if (labels[index] === label) found.push(index);
  }
  return found;
}

/** An image in colour where it has three channels; else its first channel, as grey. */
export function pixelsOf(
  images: ImageSet,
  index: number,
): Pick<ContactSheetImage, "pixels" | "channels" | "width" | "height"> {
  const { width, height } = images;
  const channels = images.channels === 3 ? 3 : 1;
  const pixels = images.images.read(index, index + 1).subarray(0, channels * width * height);
  return { pixels, channels, width, height };
}

/** Contact sheets of suspicious images of a data set. */

/** Pairs or images per row. */
const PAIRS_A_ROW = 3;
const IMAGES_A_ROW = 8;
/** Maximum number of characters of a caption. */
const LONGEST_CAPTION = 24;

export interface BothSets {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Each pair's images side by side; pairs with different labels have a dashed border. */
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

/** The test images with their labels and predicted classes. */
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

/** An image's name for a caption; a long path is shortened to its end. */
function shortName(place: ImagePlace, sets: Partial<BothSets>): string {
  const name = imageName(place, sets);
  return name.length <= LONGEST_CAPTION ? name : `…${name.slice(1 - LONGEST_CAPTION)}`;
}

/** An image's name: its file, or `test 4021` where images have no files. */
export function imageName({ set, index }: ImagePlace, sets: Partial<BothSets>): string {
  return sets[set]?.files?.[index] ?? `${set} ${index}`;
}
