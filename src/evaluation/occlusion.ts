import { type ImageGeometry, imageBytes } from "../data/image-set.ts";

/**
 * Occlusion sensitivity: a patch of the image is occluded at each position in turn, and the map shows by how much that
 * lowers the probability of a class (Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks",
 * section 4.2). Patches are black, Fashion-MNIST's background, so that occluding background changes nothing.
 */

export interface OcclusionOptions {
  /** Edge of the square patch, in pixels. */
  readonly patch: number;
  /** Distance between neighbouring positions, in pixels. The map has one cell per position. */
  readonly stride: number;
}

/** The images of the networks that are trained from scratch: 14x14 positions for 28x28 pixels. */
const SMALL = { edge: 96, options: { patch: 6, stride: 2 } } as const;
/** Positions along the longer edge of larger images, whose networks are larger too. */
const POSITIONS = 10;

/** The patches that show enough of an image of this size, for a network that a browser runs once for each. */
export function occlusionFor({ height, width }: ImageGeometry): OcclusionOptions {
  const edge = Math.max(height, width);
  if (edge <= SMALL.edge) return SMALL.options;
  const stride = Math.ceil(edge / POSITIONS);
  return { patch: 3 * stride, stride };
}

/** Number of rows and columns of the map. */
export function occlusionGrid(
  { height, width }: ImageGeometry,
  { stride }: OcclusionOptions,
): { rows: number; columns: number } {
  return { rows: Math.ceil(height / stride), columns: Math.ceil(width / stride) };
}

/**
 * Copies of the image with a patch occluded, one per position; the patch is centred on the position's cell.
 *
 * @param image [channels, height, width]
 * @returns [rows x columns, channels, height, width]
 * @throws RangeError when the image has another size, or patch and stride are not positive integers
 */
export function occludedImages(image: Uint8Array, geometry: ImageGeometry, options: OcclusionOptions): Uint8Array {
  const { channels, height, width } = geometry;
  const { patch, stride } = options;
  const size = imageBytes(geometry);
  if (image.length !== size) throw new RangeError(`occlusion: ${image.length} pixels are no image of ${size}`);
  for (const [name, value] of Object.entries({ patch, stride })) {
    if (!(Number.isInteger(value) && value >= 1)) throw new RangeError(`occlusion: ${name} is ${value}`);
  }
  const { rows, columns } = occlusionGrid(geometry, options);
  const images = new Uint8Array(rows * columns * size);
  const overhang = Math.floor((patch - stride) / 2);
  for (let place = 0; place < rows * columns; place++) {
    const copy = images.subarray(place * size, (place + 1) * size);
    copy.set(image);
    const top = Math.floor(place / columns) * stride - overhang;
    const left = (place % columns) * stride - overhang;
    for (let channel = 0; channel < channels; channel++) {
      for (let y = Math.max(0, top); y < Math.min(height, top + patch); y++) {
        const row = (channel * height + y) * width;
        copy.fill(0, row + Math.max(0, left), row + Math.min(width, left + patch));
      }
    }
  }
  return images;
}

/**
 * The decrease of a class's probability for each occluded patch: above 0 where the patch is evidence for the class,
 * below 0 where it is evidence against.
 *
 * @param whole probabilities of the original image, [classes]
 * @param occluded probabilities of `occludedImages`, [rows x columns, classes]
 * @returns [rows x columns]
 */
export function occlusionMap(whole: Float32Array, occluded: Float32Array, label: number): Float32Array {
  const classes = whole.length;
  return Float32Array.from(
    { length: occluded.length / classes },
    (_, place) => whole[label]! - occluded[place * classes + label]!,
  );
}
