import { z } from "zod";
import { UserError } from "../errors.ts";
import { bufferFor, inRowParts, memoryRows, type Rows, selectRows } from "./rows.ts";

/** Labelled images as bytes: the format in which they are stored, batched and fed to a model. */
export interface ImageSet {
  /** Pixels 0..255, a row for each image: [channels, height, width], row-major. */
  readonly images: Rows;
  /** The class of each image, [count]: an index of `classNames`. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly classNames: readonly string[];
  /**
   * Indices of the validation images, ascending, where the data defines them; if absent they are drawn. They remain in
   * the set: `trainingData` divides it.
   */
  readonly validation?: Uint32Array;
  /** For a folder of pictures: each image's path within it, [count]. */
  readonly files?: readonly string[];
}

/**
 * What a training or an evaluation takes: images, or the features that a frozen network makes of them (then a row has
 * `channels` values, and height and width are 1).
 */
export interface LabelledSet extends Omit<ImageSet, "images" | "validation" | "files"> {
  readonly images: Rows | Rows<Float32Array>;
  /** Of features: those of so many views of each image, [views, count], the image itself first. Default 1. */
  readonly views?: number;
}

/** The values of a set's images: bytes, or the numbers of features. */
export type ValuesOf<Set extends LabelledSet> = ReturnType<Set["images"]["read"]>;

/** A buffer for the values of so many images, of the same type as the set's. */
export function valuesFor<Set extends LabelledSet>({ images }: Set, count: number): ValuesOf<Set> {
  return bufferFor<Uint8Array | Float32Array>(images, count) as ValuesOf<Set>;
}

/** The size of a set's images. */
export type ImageGeometry = Pick<ImageSet, "channels" | "height" | "width">;

const size = z.int().min(1);

/** Of an `ImageGeometry` in files. */
export const imageGeometrySchema = z.strictObject({ channels: size, height: size, width: size });

/** Number of bytes of one image. */
export function imageBytes({ channels, height, width }: ImageGeometry): number {
  return channels * height * width;
}

/**
 * Creates an image set from its parts, after checking them.
 *
 * @param parts `images` [count, channels, height, width], as rows or as one array, and `labels` [count]
 * @param name the file or place the labels are from, for error messages
 * @throws UserError when the numbers of labels and images differ, or a label is not a class index
 */
export function createImageSet(
  parts: Omit<ImageSet, "count" | "images"> & { readonly images: Rows | Uint8Array },
  name: string,
): ImageSet {
  const size = imageBytes(parts);
  const images = parts.images instanceof Uint8Array ? memoryRows(parts.images, size) : parts.images;
  if (images.size !== size) throw new RangeError(`${name}: rows of ${images.size} bytes for images of ${size}`);
  const { count } = images;
  if (parts.labels.length !== count) {
    throw new UserError(
      `${name}: there must be one label per image, but ${parts.labels.length} labels for ${count} images`,
    );
  }
  checkLabels(parts.labels, parts.classNames, name);
  return { ...parts, images, count };
}

/**
 * @param labels [count]
 * @param name the file or place the labels are from, for error messages
 * @throws UserError naming the file, the index and the value of the first label that is not a class index
 */
export function checkLabels(labels: Uint8Array, classNames: readonly string[], name: string): void {
  const index = labels.findIndex((label) => label >= classNames.length);
  if (index >= 0) {
    throw new UserError(
      `${name}: label ${index} is ${labels[index]}, but the ${classNames.length} classes are 0 to ${classNames.length - 1}`,
    );
  }
}

/**
 * The images at `indices`, in that order, which are not copied; an index may occur more than once. The result has no
 * `validation`.
 *
 * @throws RangeError when an index is not below `set.count`
 */
export function selectImages({ validation: _, ...set }: ImageSet, indices: Uint32Array): ImageSet {
  const images = selectRows(set.images, indices);
  const labels = Uint8Array.from(indices, (index) => set.labels[index]!);
  const files = set.files && Array.from(indices, (index) => set.files![index]!);
  return { ...set, images, labels, count: indices.length, ...(files && { files }) };
}

/** Pixel statistics per channel, for pixels scaled to 0..1. */
export interface PixelStatistics {
  /** [channels] */
  readonly mean: number[];
  /** Population standard deviation (divided by the number of pixels), [channels]; 0 where all pixels are equal. */
  readonly standardDeviation: number[];
}

/**
 * Mean and standard deviation of each channel over all images, from exact counts of the 256 values, so that the result
 * does not depend on the order of the images.
 *
 * @throws RangeError when the set is empty
 */
export function pixelStatistics(set: ImageSet): PixelStatistics {
  if (set.count === 0) throw new RangeError("pixelStatistics: an empty set has no mean");
  const plane = set.height * set.width;
  const pixels = set.count * plane;
  const mean: number[] = [];
  const standardDeviation: number[] = [];
  for (const counts of countValues(set)) {
    let sum = 0;
    for (let value = 0; value < counts.length; value++) sum += counts[value]! * value;
    const channelMean = sum / (255 * pixels);
    let squares = 0;
    for (let value = 0; value < counts.length; value++) squares += counts[value]! * (value / 255 - channelMean) ** 2;
    mean.push(channelMean);
    standardDeviation.push(Math.sqrt(squares / pixels));
  }
  return { mean, standardDeviation };
}

/** Histogram of each channel's pixel values, [channels][256]. */
function countValues({ images, channels, height, width }: ImageSet): Float64Array[] {
  const plane = height * width;
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (const { values } of inRowParts(images)) {
    for (let start = 0; start < values.length; start += plane) {
      const channel = (start / plane) % channels;
      const ofChannel = counts[channel]!;
      for (let i = start; i < start + plane; i++) ofChannel[values[i]!]!++;
    }
  }
  return counts;
}
