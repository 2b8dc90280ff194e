import { UserError } from "../errors.ts";
import type { RandomStream } from "../random.ts";
import type { ImageGeometry } from "./image-set.ts";
import { moveImage } from "./move-image.ts";
import { eraseRandomly, type RandomErasing } from "./random-erasing.ts";

/** Data augmentation of training images; transformations that are left out are off. */
export interface Augmentation {
  /**
   * "random": mirrored left-right with probability 1/2. "alternating": mirrored in every other epoch, see
   * `alternating-flip.ts`.
   */
  readonly horizontalFlip?: "random" | "alternating" | undefined;
  /** Mirrored upside down with probability 1/2. */
  readonly verticalFlip?: boolean | undefined;
  /** Maximum shift in pixels: along each axis by an integer uniform in -shift..shift; uncovered pixels become black. */
  readonly shift?: number | undefined;
  readonly randomErasing?: RandomErasing | undefined;
}

/** Random inputs of one image's augmentation. */
export interface AugmentationDraws {
  /** The image's own stream. Read in a fixed order, whatever is enabled: see `augmentImage`. */
  readonly stream: RandomStream;
  /** Whether an alternating flip mirrors the image in this epoch; ignored for other flips. */
  readonly mirrored: boolean;
}

/**
 * Writes an augmented copy of one image: mirrored, then shifted, then with a random rectangle erased.
 *
 * It always draws one word for both flips, one for each axis of the shift and one for whether to erase, used or not, so
 * two runs that differ in one setting agree in everything else.
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
  { stream, mirrored }: AugmentationDraws,
): void {
  const { horizontalFlip, verticalFlip, shift = 0, randomErasing } = augmentation;
  const coins = stream.uint32();
  const right = stream.below(2 * shift + 1) - shift;
  const down = stream.below(2 * shift + 1) - shift;
  const chance = stream.uniform();

  moveImage(source, sourceOffset, destination, destinationOffset, geometry, {
    mirror: horizontalFlip === "random" ? coins >>> 31 === 1 : horizontalFlip === "alternating" && mirrored,
    upsideDown: verticalFlip === true && ((coins >>> 30) & 1) === 1,
    right,
    down,
  });
  if (randomErasing && chance < randomErasing.probability) {
    eraseRandomly(destination, destinationOffset, geometry, randomErasing, stream);
  }
}

const AUGMENTATION_KEYS = ["horizontalFlip", "verticalFlip", "shift", "randomErasing"];
const ERASING_KEYS = ["probability", "areaFraction", "aspectRatio", "fill"];

/**
 * Validates what types cannot: values out of range, and arbitrary values of a recipe read from a file.
 *
 * @param geometry of the images to augment
 * @throws UserError (exit code 2) naming the setting, its value and what is allowed
 */
export function checkAugmentation(augmentation: Augmentation, geometry: ImageGeometry): void {
  checkKeys("augmentation", augmentation, AUGMENTATION_KEYS);
  const { horizontalFlip, verticalFlip, shift, randomErasing } = augmentation;
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
}

function checkErasing(erasing: RandomErasing, { height, width }: ImageGeometry): void {
  if (typeof erasing !== "object" || erasing === null) throw refused("randomErasing", erasing, "an object");
  checkKeys("randomErasing", erasing, ERASING_KEYS);
  const { probability, areaFraction, aspectRatio, fill } = erasing;
  if (!(isNumber(probability) && probability >= 0 && probability <= 1)) {
    throw refused("randomErasing.probability", probability, "a number from 0 to 1");
  }
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

function checkKeys(name: string, value: object, allowed: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new UserError(`${name}: there is no setting "${unknown}"; allowed are ${allowed.join(", ")}`, {
      exitCode: 2,
    });
  }
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
