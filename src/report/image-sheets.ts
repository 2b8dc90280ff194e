import { type ImageSet, imageBytes } from "../data/image-set.ts";
import { mostConfidentMistakes } from "../evaluation/predictions.ts";
import { percent } from "../numbers.ts";
import { type ContactSheetImage, contactSheet } from "../plots/contact-sheet.ts";
import { drawn, type StudyFigure } from "./drawn-figure.ts";
import type { ModelDetail } from "./report-data.ts";

const MISTAKES = { count: 12, columns: 6 };
/** Images of each class in the sample of the data: one row a class. */
const SAMPLE = 8;

/**
 * The mistakes that a model was surest of, with what it said and how sure it was; no sheet without mistakes.
 *
 * @throws RangeError when the answers are not to these images
 */
export function mistakesSheet({ recipe, test }: ModelDetail, images: ImageSet): StudyFigure[] {
  const title = `${recipe}: its most confident mistakes`;
  const mistakes = mostConfidentMistakes(test.predictions, MISTAKES);
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
        name: `${recipe}-mistakes`,
        title,
        caption: `The ${mistakes.length} test images that ${recipe} got wrong with the most confidence: the label they have, the answer, and the probability that the model gave it.`,
        section: "mistakes",
      },
    ),
  ];
}

/** The first test images of each class, a row a class. */
export function dataSample(images: ImageSet): StudyFigure {
  const title = "A sample of the test images";
  const shown = images.classNames.flatMap((name, label) =>
    firstOfClass(images, label).map((index) => ({ name, index })),
  );
  const sheet = shown.map(({ name, index }): ContactSheetImage => ({ ...pixelsOf(images, index), caption: [name] }));
  return drawn(
    contactSheet,
    { title, columns: SAMPLE, images: sheet },
    {
      name: "data-sample",
      title,
      caption: `The first ${SAMPLE} test images of each class, as the networks see them: ${images.width} × ${images.height} pixels, grey.`,
      section: "data",
    },
  );
}

function firstOfClass(images: ImageSet, label: number): number[] {
  return Array.from(images.labels, (_, index) => index)
    .filter((index) => images.labels[index] === label)
    .slice(0, SAMPLE);
}

/** An image's first channel, as grey. */
export function pixelsOf(images: ImageSet, index: number): Pick<ContactSheetImage, "pixels" | "width" | "height"> {
  const { width, height } = images;
  const start = index * imageBytes(images);
  return { pixels: images.images.subarray(start, start + width * height), width, height };
}
