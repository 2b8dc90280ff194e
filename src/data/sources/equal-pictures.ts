import { UserError } from "../../errors.ts";

/** What classes are checked by. */
interface Pictures {
  readonly classNames: readonly string[];
  readonly labels: readonly number[];
  /** Pixels 0 to 255, [pictures, channels, height, width]. */
  readonly images: Uint8Array;
  readonly channels: number;
}

/**
 * A class whose pictures all give the same image teaches nothing, and is hardly meant: often its files hold numbers in a range that
 * makes them all black or all white, or one file was copied over the others.
 *
 * @throws UserError that names the first class of at least two pictures without any difference between them
 */
export function checkDifferences(folder: string, { classNames, labels, images, channels }: Pictures): void {
  const bytes = images.length / labels.length;
  const imageAt = (i: number) => images.subarray(i * bytes, (i + 1) * bytes);
  const firsts = new Map<number, { first: Uint8Array; count: number; isEqual: boolean }>();
  labels.forEach((label, i) => {
    const known = firsts.get(label);
    if (!known) firsts.set(label, { first: imageAt(i), count: 1, isEqual: true });
    else {
      known.count++;
      known.isEqual &&= Buffer.compare(known.first, imageAt(i)) === 0;
    }
  });
  for (const [label, { first, count, isEqual }] of firsts) {
    if (count < 2 || !isEqual) continue;
    throw new UserError(
      `the ${count} pictures of the class ${classNames[label]} in ${folder} are all equal once they are decoded${looks(first, channels)}: there is nothing to learn from them; put different pictures there, or remove the class`,
    );
  }
}

/** What an image of a single colour looks like; nothing of others. */
function looks(image: Uint8Array, channels: number): string {
  const plane = image.length / channels;
  if (image.some((value, i) => value !== image[Math.floor(i / plane) * plane])) return "";
  if (image.every((value) => value === 0)) return " (black, pixel for pixel)";
  if (image.every((value) => value === 255)) return " (white, pixel for pixel)";
  return " (of one colour, pixel for pixel)";
}
