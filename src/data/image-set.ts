import { z } from "zod";
import { UserError } from "../errors.ts";

/** Labelled images as bytes: the format in which they are stored, batched and fed to a model. */
export interface ImageSet {
  /** Pixels 0..255, [count, channels, height, width], row-major. */
  readonly images: Uint8Array;
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
 * What a training or an evaluation takes: images, or the features that a frozen network makes of them (then `images` are
 * [count, channels], and height and width are 1).
 */
export interface LabelledSet extends Omit<ImageSet, "images" | "validation" | "files"> {
  readonly images: Uint8Array | Float32Array;
  /** Of features: those of so many views of each image, [views, count, channels], the image itself first. Default 1. */
  readonly views?: number;
}

/** A buffer for the values of so many images, of the same type as the set's. */
export function valuesFor(set: LabelledSet, count: number): Uint8Array | Float32Array {
  const size = count * imageBytes(set);
  return set.images instanceof Float32Array ? new Float32Array(size) : new Uint8Array(size);
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
 * @param parts `images` [count, channels, height, width] and `labels` [count]
 * @param name the file or place the labels are from, for error messages
 * @throws UserError when the numbers of labels and images differ, or a label is not a class index
 */
export function createImageSet(parts: Omit<ImageSet, "count">, name: string): ImageSet {
  const count = parts.images.length / imageBytes(parts);
  if (parts.labels.length !== count) {
    throw new UserError(
      `${name}: there must be one label per image, but ${parts.labels.length} labels for ${count} images`,
    );
  }
  checkLabels(parts.labels, parts.classNames, name);
  return { ...parts, count };
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
 * Copies the images at `indices`, in that order; an index may occur more than once. The result has no `validation`.
 *
 * @throws RangeError when an index is not below `set.count`
 */
export function selectImages({ validation: _, ...set }: ImageSet, indices: Uint32Array): ImageSet {
  const size = imageBytes(set);
  const images = new Uint8Array(indices.length * size);
  const labels = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (index >= set.count) throw new RangeError(`selectImages: index ${index} of a set of ${set.count} images`);
    images.set(set.images.subarray(index * size, (index + 1) * size), i * size);
    labels[i] = set.labels[index]!;
  }
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
  for (let channel = 0; channel < set.channels; channel++) {
    const counts = countValues(set, channel);
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

/** Histogram of one channel's pixel values, [256]. */
function countValues(set: ImageSet, channel: number): Float64Array {
  const plane = set.height * set.width;
  const counts = new Float64Array(256);
  for (let image = 0; image < set.count; image++) {
    const start = (image * set.channels + channel) * plane;
    for (let i = start; i < start + plane; i++) counts[set.images[i]!]!++;
  }
  return counts;
}
