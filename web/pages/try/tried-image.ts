/** An image to classify. */
export interface TriedImage {
  /** The network's input, 0 to 255, [channels, height, width]. */
  readonly pixels: ArrayLike<number>;
  /** Its class, if known. */
  readonly truth?: number;
  /** Index of a test image. */
  readonly index?: number;
}
