import type { UserError } from "../errors.ts";
import type { DecodingLimits } from "../formats/node/image-file.ts";
import type { GroundWanted } from "../imaging/ground.ts";
import type { Picture } from "../imaging/picture.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { PreparationTarget } from "../imaging/prepare-image.ts";

/** A class and its predicted probability. */
export interface ScoredLabel {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

/** Classification of a prepared image. */
export interface Classification extends ScoredLabel {
  /** Whether its probability is too low for an answer (`unknownBelow`). */
  readonly isUnknown: boolean;
  /** The most probable classes, best first; the first is `label`. */
  readonly top: readonly ScoredLabel[];
}

/** Prediction for a picture. */
export interface Prediction extends Classification {
  /** Time to decode and prepare the image (possibly concurrently with others), and its share of the engine's run. */
  readonly milliseconds: number;
  /** The prepared image: 0 to 255, [channels, height, width]. */
  readonly pixels: Uint8Array;
}

/** An image file's path, an encoded image's bytes (PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP, HEIC), or decoded pixels. */
export type ImageInput = string | Uint8Array | Picture;

/** Options of decoding and preparing pictures. */
export interface PrepareOptions extends DecodingLimits {
  /**
   * Background of garments. Default "auto": measured at each picture's border. Ignored by networks for other pictures.
   */
  readonly background?: GroundWanted;
}

/** Options of classification. */
export interface ClassifyOptions {
  /** Number of classes in `top`. Default 3. */
  readonly top?: number;
  /**
   * Probability below which an answer is unknown, 0 to 1; 0: none is. Default: the model's, which at most 5 % of its
   * validation images are below; models without it have 0.
   */
  readonly unknownBelow?: number;
}

/** Options of preparation and classification. */
export interface PredictOptions extends PrepareOptions, ClassifyOptions {}

/** The result for one of many images: its prediction, or an error. */
export type PredictionOutcome =
  | { readonly image: ImageInput; readonly prediction: Prediction; readonly error?: undefined }
  | { readonly image: ImageInput; readonly prediction?: undefined; readonly error: UserError };

/** A loaded model that classifies pictures of any size. */
export interface Classifier {
  /** The network's name, if its file states it. */
  readonly model: string | undefined;
  /** Class names, by class index. */
  readonly classes: readonly string[];
  /** Size of the model's input image. */
  readonly imageShape: PreparationTarget;
  /** How pictures are prepared for the model. */
  readonly preparation: Preparation;
  /** Probability below which an answer is unknown by default; 0: none is. */
  readonly unknownBelow: number;
  /** Whether a checksum confirms the model's file; those of older versions and of other programs have none. */
  readonly isVerified: boolean;
  /** @throws UserError when the image cannot be read, decoded or prepared, or the model does not give finite numbers */
  predict(image: ImageInput, options?: PredictOptions): Promise<Prediction>;
  /**
   * Classifies many images, in order; decoding and classification overlap. An unreadable image results in an outcome
   * with an error and does not stop the others.
   */
  predictMany(images: Iterable<ImageInput>, options?: PredictOptions): AsyncGenerator<PredictionOutcome>;
  /**
   * The first half of `predict`: decodes and prepares an image. @returns 0 to 255, [channels, height, width]
   *
   * @throws UserError when the image cannot be read, decoded or prepared
   */
  prepare(image: ImageInput, options?: PrepareOptions): Promise<Uint8Array>;
  /**
   * The second half of `predict`: classifies prepared images, each [channels, height, width], in one run of the engine.
   *
   * @returns one classification per image, in order
   * @throws RangeError when an image has another size
   * @throws UserError when the model does not run or does not give finite numbers
   */
  classify(images: readonly Uint8Array[], options?: ClassifyOptions): Promise<Classification[]>;
  /** Frees the engine's memory; the classifier cannot be used afterwards. */
  release(): Promise<void>;
}

/** The `count` most probable classes in descending order; ties by class index. */
export function topLabels(
  probabilities: Float32Array,
  classNames: readonly string[],
  count: number,
): readonly ScoredLabel[] {
  return Array.from(probabilities, (probability, i) => ({ label: classNames[i]!, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}
