import { UserError } from "../errors.ts";
import { randomStream } from "../random.ts";
import { blurImage, type RandomBlur } from "./blur-image.ts";
import { type ColorJitter, changeColors, drawColorChange } from "./color-jitter.ts";
import type { ImageGeometry } from "./image-set.ts";
import type { Mixing } from "./mixing.ts";
import { moveImage } from "./move-image.ts";
import { eraseRandomly, type RandomErasing } from "./random-erasing.ts";
import { drawWarp, type WarpOptions, warpImage } from "./warp-image.ts";

/** Data augmentation of training images; transformations that are left out are off. */
export interface Augmentation extends WarpOptions {
  /**
   * "random": mirrored left-right with probability 1/2. "alternating": mirrored in every other epoch, see
   * `alternating-flip.ts`.
   */
  readonly horizontalFlip?: "random" | "alternating" | undefined;
  /** Mirrored upside down with probability 1/2. */
  readonly verticalFlip?: boolean | undefined;
  /**
   * Maximum shift in pixels: along each axis by an integer uniform in -shift..shift; uncovered pixels become black (with
   * a random resized crop, rotation or zoom: the image continues mirrored).
   */
  readonly shift?: number | undefined;
  readonly colorJitter?: ColorJitter | undefined;
  readonly blur?: RandomBlur | undefined;
  readonly randomErasing?: RandomErasing | undefined;
  /** Applied last, to the whole batch (`mixBatch`). */
  readonly mixing?: Mixing | undefined;
}

/** What determines one image's random draws. */
export interface AugmentationDraws {
  /** Of the run. */
  readonly seed: number;
  /** Position in the chain of epochs; has its own random streams. */
  readonly place: number;
  /** Whether an alternating flip mirrors the image in this epoch; ignored for other flips. */
  readonly mirrored: boolean;
}

/**
 * Writes an augmented copy of one image: mirrored, cropped, rotated and zoomed, shifted, its colours changed, blurred,
 * then with a random rectangle erased.
 *
 * Two runs that differ in one setting agree in everything else: from its first stream it always draws one word for both
 * flips, one for each axis of the shift and one for whether to erase, used or not; the transformations for photos have
 * streams of their own.
 *
 * @param source bytes; the image [channels, height, width] starts at `sourceOffset`
 * @param destination bytes, not overlapping the source image; the copy starts at `destinationOffset`
 * @param augmentation accepted by `checkAugmentation`
 */
export function augmentImage(
  source: Uint8Array,
  sourceOffset: number,
  destination: Uint8Array,
  destinationOffset: number,
  geometry: ImageGeometry,
  augmentation: Augmentation,
  { seed, place, mirrored }: AugmentationDraws,
): void {
  const { horizontalFlip, verticalFlip, shift = 0, colorJitter, blur, randomErasing } = augmentation;
  const stream = randomStream(seed, "augment", place);
  const coins = stream.uint32();
  const right = stream.below(2 * shift + 1) - shift;
  const down = stream.below(2 * shift + 1) - shift;
  const chance = stream.uniform();
  const flips = {
    mirror: horizontalFlip === "random" ? coins >>> 31 === 1 : horizontalFlip === "alternating" && mirrored,
    upsideDown: verticalFlip === true && ((coins >>> 30) & 1) === 1,
  };

  if (isWarped(augmentation)) {
    const warp = drawWarp(geometry, augmentation, randomStream(seed, "warp", place), { ...flips, right, down });
    warpImage(source, sourceOffset, destination, destinationOffset, geometry, warp);
  } else {
    moveImage(source, sourceOffset, destination, destinationOffset, geometry, { ...flips, right, down });
  }
  if (colorJitter) {
    const change = drawColorChange(colorJitter, randomStream(seed, "color", place));
    changeColors(destination, destinationOffset, geometry, change);
  }
  if (blur) {
    const draws = randomStream(seed, "blur", place);
    const isBlurred = draws.uniform() < blur.probability;
    const [least, largest] = blur.sigma;
    if (isBlurred) blurImage(destination, destinationOffset, geometry, least + (largest - least) * draws.uniform());
  }
  if (randomErasing && chance < randomErasing.probability) {
    eraseRandomly(destination, destinationOffset, geometry, randomErasing, stream);
  }
}

/** Whether pixels are interpolated; else whole pixels are copied, which is faster. */
function isWarped({ randomResizedCrop, rotation, zoom }: Augmentation): boolean {
  return randomResizedCrop !== undefined || rotation !== undefined || zoom !== undefined;
}

const AUGMENTATION_KEYS = [
  "horizontalFlip",
  "verticalFlip",
  "shift",
  "randomErasing",
  "mixing",
  "randomResizedCrop",
  "rotation",
  "zoom",
  "colorJitter",
  "blur",
];
const JITTER_KEYS = ["brightness", "contrast", "saturation", "hue"] as const;
const MIXING_KEYS = ["kind", "probability", "alpha"];
const ERASING_KEYS = ["probability", "areaFraction", "aspectRatio", "fill"];

/**
 * Validates what types cannot: values out of range, and arbitrary values of a recipe read from a file.
 *
 * @param geometry of the images to augment
 * @throws UserError (exit code 2) naming the setting, its value and what is allowed
 */
export function checkAugmentation(augmentation: Augmentation, geometry: ImageGeometry): void {
  checkKeys("augmentation", augmentation, AUGMENTATION_KEYS);
  const { horizontalFlip, verticalFlip, shift, randomErasing, mixing } = augmentation;
  if (horizontalFlip !== undefined && horizontalFlip !== "random" && horizontalFlip !== "alternating") {
    throw refused("horizontalFlip", horizontalFlip, `"random" or "alternating"`);
  }
  if (verticalFlip !== undefined && typeof verticalFlip !== "boolean") {
    throw refused("verticalFlip", verticalFlip, "true or false");
  }
  const largestShift = Math.min(geometry.height, geometry.width) - 1;
  if (shift !== undefined && !(Number.isInteger(shift) && shift >= 0 && shift <= largestShift)) {
    throw refused(
      "shift",
      shift,
      `a whole number of pixels from 0 to ${largestShift}, so that some of the image stays`,
    );
  }
  if (randomErasing !== undefined) checkErasing(randomErasing, geometry);
  if (mixing !== undefined) checkMixing(mixing);
  checkWarp(augmentation);
  if (augmentation.colorJitter !== undefined) checkColorJitter(augmentation.colorJitter);
  if (augmentation.blur !== undefined) checkBlur(augmentation.blur, geometry);
}

function checkMixing(mixing: Mixing): void {
  if (typeof mixing !== "object" || mixing === null) throw refused("mixing", mixing, "an object");
  checkKeys("mixing", mixing, MIXING_KEYS);
  const { kind, probability, alpha } = mixing;
  if (kind !== "mixup" && kind !== "cutmix") throw refused("mixing.kind", kind, `"mixup" or "cutmix"`);
  checkProbability("mixing.probability", probability);
  if (!(isNumber(alpha) && alpha > 0 && alpha <= 1))
    throw refused("mixing.alpha", alpha, "a number above 0, at most 1");
}

function checkWarp({ randomResizedCrop, rotation, zoom }: WarpOptions): void {
  if (randomResizedCrop !== undefined) {
    checkObject("randomResizedCrop", randomResizedCrop, ["scale", "ratio"]);
    const { scale, ratio } = randomResizedCrop;
    if (!(isRange(scale) && scale[0] > 0 && scale[1] <= 1)) {
      throw refused("randomResizedCrop.scale", scale, "[least, largest] with 0 < least <= largest <= 1");
    }
    if (!(isRange(ratio) && ratio[0] > 0)) {
      throw refused("randomResizedCrop.ratio", ratio, "[least, largest] with 0 < least <= largest");
    }
  }
  if (rotation !== undefined && !(isNumber(rotation) && rotation >= 0 && rotation <= 180)) {
    throw refused("rotation", rotation, "a number of degrees from 0 to 180");
  }
  if (zoom !== undefined && !(isRange(zoom) && zoom[0] >= 0.1 && zoom[1] <= 10)) {
    throw refused("zoom", zoom, "[least, largest] with 0.1 <= least <= largest <= 10");
  }
}

function checkColorJitter(jitter: ColorJitter): void {
  checkObject("colorJitter", jitter, JITTER_KEYS);
  for (const name of JITTER_KEYS) {
    const largest = name === "hue" ? 0.5 : 1;
    const value: unknown = jitter[name];
    if (value !== undefined && !(isNumber(value) && value >= 0 && value <= largest)) {
      throw refused(`colorJitter.${name}`, value, `a number from 0 to ${largest}`);
    }
  }
}

function checkBlur(blur: RandomBlur, { height, width }: ImageGeometry): void {
  checkObject("blur", blur, ["probability", "sigma"]);
  const { probability, sigma } = blur;
  checkProbability("blur.probability", probability);
  const largest = Math.min(height, width) / 2;
  if (!(isRange(sigma) && sigma[0] > 0 && sigma[1] <= largest)) {
    throw refused("blur.sigma", sigma, `[least, largest] with 0 < least <= largest <= ${largest}`);
  }
}

function checkErasing(erasing: RandomErasing, { height, width }: ImageGeometry): void {
  checkObject("randomErasing", erasing, ERASING_KEYS);
  const { probability, areaFraction, aspectRatio, fill } = erasing;
  checkProbability("randomErasing.probability", probability);
  if (!(isRange(areaFraction) && areaFraction[0] > 0 && areaFraction[1] <= 1)) {
    throw refused("randomErasing.areaFraction", areaFraction, "[least, largest] with 0 < least <= largest <= 1");
  }
  if (!(isRange(aspectRatio) && aspectRatio[0] > 0)) {
    throw refused("randomErasing.aspectRatio", aspectRatio, "[least, largest] with 0 < least <= largest");
  }
  if (fill !== "zero" && fill !== "random") throw refused("randomErasing.fill", fill, `"zero" or "random"`);

  // A rectangle of area a x height x width and aspect r is sqrt(a r height width) high and sqrt(a height width / r)
  // wide, so it fits when a height / width <= r <= height / (a width). The smallest area leaves r the most room.
  const flattest = (areaFraction[0] * height) / width;
  const steepest = height / (areaFraction[0] * width);
  if (aspectRatio[0] > steepest || aspectRatio[1] < flattest) {
    const room = `${flattest.toFixed(2)} to ${steepest.toFixed(2)}`;
    throw refused(
      "randomErasing.aspectRatio",
      aspectRatio,
      `something of ${room}, or no rectangle of ${areaFraction[0]} of the ${height}x${width} area fits`,
    );
  }
}

function checkObject(name: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== "object" || value === null) throw refused(name, value, "an object");
  checkKeys(name, value, allowed);
}

function checkKeys(name: string, value: object, allowed: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new UserError(`${name}: there is no setting "${unknown}"; allowed are ${allowed.join(", ")}`, {
      exitCode: 2,
    });
  }
}

function checkProbability(setting: string, value: unknown): void {
  if (!(isNumber(value) && value >= 0 && value <= 1)) throw refused(setting, value, "a number from 0 to 1");
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Two numbers, the first not the larger. */
function isRange(value: unknown): value is readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [least, largest]: unknown[] = value;
  return isNumber(least) && isNumber(largest) && least <= largest;
}

function refused(setting: string, value: unknown, allowed: string): UserError {
  return new UserError(`augmentation: ${setting} is ${JSON.stringify(value)}; allowed is ${allowed}`, { exitCode: 2 });
}
