import type { UserError } from "../errors.ts";
import type { DecodingLimits } from "../formats/node/image-file.ts";
import type { GroundWanted } from "../imaging/ground.ts";
import type { Picture } from "../imaging/picture.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { PreparationTarget } from "../imaging/prepare-image.ts";

/** A class and how probable the model holds it. */
export interface ScoredLabel {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

/** What a model says of an image as it takes it. */
export interface Classification extends ScoredLabel {
  /** The most probable classes, best first; the first is `label`. */
  readonly top: readonly ScoredLabel[];
}

/** What a model says of a picture. */
export interface Prediction extends Classification {
  /** Milliseconds to decode and prepare the image (other images may be decoded meanwhile), and its share of the engine's run. */
  readonly milliseconds: number;
  /** What the model saw: 0 to 255, [channels, height, width]. */
  readonly pixels: Uint8Array;
}

/** An image file's path, an encoded image's bytes (PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP), or decoded pixels. */
export type ImageInput = string | Uint8Array | Picture;

/** How pictures are decoded and prepared. */
export interface PrepareOptions extends DecodingLimits {
  /** What garments lie on. Default "auto": measured at each picture's border. Networks of other pictures do not look at it. */
  readonly background?: GroundWanted;
}

/** How much is told of each image. */
export interface ClassifyOptions {
  /** Classes in `top`. Default 3. */
  readonly top?: number;
}

/** How pictures are prepared, and how much is told of each. */
export interface PredictOptions extends PrepareOptions, ClassifyOptions {}

/** An image of many: its prediction, or why there is none. */
export type PredictionOutcome =
  | { readonly image: ImageInput; readonly prediction: Prediction; readonly error?: undefined }
  | { readonly image: ImageInput; readonly prediction?: undefined; readonly error: UserError };

/** A trained model, ready to classify pictures of any size. */
export interface Classifier {
  /** The network's name, if its file tells. */
  readonly model: string | undefined;
  /** Names, by class number. */
  readonly classes: readonly string[];
  /** One image as the model takes it. */
  readonly imageShape: PreparationTarget;
  /** How pictures are prepared for it. */
  readonly preparation: Preparation;
  /** @throws UserError when the image cannot be read, decoded or prepared */
  predict(image: ImageInput, options?: PredictOptions): Promise<Prediction>;
  /**
   * Classifies many images, in their order: some are decoded while others are classified. An image that cannot be read
   * becomes an outcome with an error and does not stop the others.
   */
  predictMany(images: Iterable<ImageInput>, options?: PredictOptions): AsyncGenerator<PredictionOutcome>;
  /**
   * The first half of `predict`: an image as the model takes it, 0 to 255, [channels, height, width].
   *
   * @throws UserError when the image cannot be read, decoded or prepared
   */
  prepare(image: ImageInput, options?: PrepareOptions): Promise<Uint8Array>;
  /**
   * The second half: classifies images as the model takes them, each [channels, height, width], in one run of the engine.
   *
   * @returns one of each, in their order
   * @throws RangeError when an image has another size
   */
  classify(images: readonly Uint8Array[], options?: ClassifyOptions): Promise<Classification[]>;
  /** Frees the engine's memory; nothing can be predicted afterwards. */
  release(): Promise<void>;
}

/** The `count` most probable classes, best first; of equal ones the lower class number comes first. */
export function topLabels(
  probabilities: Float32Array,
  classNames: readonly string[],
  count: number,
): readonly ScoredLabel[] {
  return Array.from(probabilities, (probability, i) => ({ label: classNames[i]!, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}
