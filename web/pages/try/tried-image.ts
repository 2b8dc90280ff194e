/** An image that a network is shown. */
export interface TriedImage {
  /** As the network takes them, 0 to 255, [channels, height, width]. */
  readonly pixels: ArrayLike<number>;
  /** Its class, where it is known. */
  readonly truth?: number;
  /** Of a test image. */
  readonly index?: number;
}
