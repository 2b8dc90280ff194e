/**
 * In a file without ONNX Runtime's types: those refer to a browser's, and whoever has this package's types would need them.
 */

/** A model file, open: logits for any number of images at once. */
export interface ModelSession {
  /** Axes of one image. */
  readonly imageShape: { readonly channels: number; readonly height: number; readonly width: number };
  readonly classes: number;
  /** @param pixels 0 to 255, [batch, channels, height, width] @returns [batch, classes] */
  logits(pixels: Uint8Array): Promise<Float32Array>;
  /** The softmax of the logits. @param pixels as for `logits` @returns [batch, classes] */
  probabilities(pixels: Uint8Array): Promise<Float32Array>;
  /** Frees the engine's memory; it cannot be asked afterwards. */
  release(): Promise<void>;
}
