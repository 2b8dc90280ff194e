/**
 * In a file without ONNX Runtime's types: those refer to browser types, which users of this package's types would need.
 */

/**
 * An open model file, for batches of any size. Its outputs are finite numbers: a file that gives others, or does not run, is
 * refused with a UserError.
 */
export interface ModelSession {
  /** Size of one image. */
  readonly imageShape: { readonly channels: number; readonly height: number; readonly width: number };
  readonly classes: number;
  /** @param pixels 0 to 255, [batch, channels, height, width] @returns [batch, classes] */
  logits(pixels: Uint8Array): Promise<Float32Array>;
  /** Softmax of the logits. @param pixels as for `logits` @returns [batch, classes] */
  probabilities(pixels: Uint8Array): Promise<Float32Array>;
  /** Frees the engine's memory; the session cannot be used afterwards. */
  release(): Promise<void>;
}

/** An open network that makes features of images: one input, one output. */
export interface FeatureSession {
  /**
   * @param pixels 0 to 255
   * @param shape [count, channels, height, width]
   * @returns [count, features]
   * @throws UserError when it does not run, or gives anything but finite float32 numbers
   */
  run(pixels: Uint8Array, shape: readonly number[]): Promise<Float32Array>;
  release(): Promise<void>;
}
