import type { RandomStream } from "../random.ts";
import type { ImageGeometry } from "./image-set.ts";

/**
 * Random changes of brightness and colour, with the options of torchvision's `ColorJitter`; those left out are off.
 * Saturation and hue do nothing to gray images.
 */
export interface ColorJitter {
  /** Pixels are multiplied by a factor uniform in 1 - brightness..1 + brightness (at least 0). */
  readonly brightness?: number | undefined;
  /** Differences from the image's mean luma are multiplied by a factor from a range as for brightness. */
  readonly contrast?: number | undefined;
  /** Differences from the pixel's luma are multiplied by a factor from a range as for brightness. */
  readonly saturation?: number | undefined;
  /** Maximum turn of the hue to either side, as a fraction of the colour circle, 0 to 0.5; uniform. */
  readonly hue?: number | undefined;
}

/** One image's changes: factors, and the turn of the hue as a fraction of the circle. */
export type ColorChange = Readonly<Record<keyof ColorJitter, number>>;

/** Draws the changes, always four words, whatever is enabled. */
export function drawColorChange(jitter: ColorJitter, stream: RandomStream): ColorChange {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = jitter;
  const factor = (range: number) => {
    const least = Math.max(0, 1 - range);
    return least + (1 + range - least) * stream.uniform();
  };
  return {
    brightness: factor(brightness),
    contrast: factor(contrast),
    saturation: factor(saturation),
    hue: (2 * stream.uniform() - 1) * hue,
  };
}

/** Weights of red, green and blue in luma (Rec. 709), as where pictures become gray. */
const [RED, GREEN, BLUE] = [0.2126, 0.7152, 0.0722];

/**
 * Changes an image in place: brightness, contrast, saturation, hue.
 *
 * All four are linear, so they are one matrix per image, and values are clipped to 0..255 once, at the end (torchvision
 * clips after each). The first three are torchvision's `adjust_*`; the hue is turned about the gray axis without changing
 * luma, as by `hueRotate` of the W3C's Filter Effects (torchvision turns it in HSV, which is not linear).
 *
 * @param bytes the image [channels, height, width] starts at `offset`
 */
export function changeColors(
  bytes: Uint8Array,
  offset: number,
  { channels, height, width }: ImageGeometry,
  { brightness, contrast, saturation, hue }: ColorChange,
): void {
  const plane = height * width;
  const scale = brightness * contrast;
  const added = (1 - contrast) * brightness * meanLuma(bytes, offset, plane, channels);
  // Storing rounds and clips.
  const pixels = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + offset, channels * plane);
  if (channels !== 3) {
    for (let at = 0; at < pixels.length; at++) pixels[at] = scale * pixels[at]! + added;
    return;
  }
  const [rr = 0, rg = 0, rb = 0, gr = 0, gg = 0, gb = 0, br = 0, bg = 0, bb = 0] = colorMatrix(saturation, hue).map(
    (entry) => entry * scale,
  );
  for (let r = 0, g = plane, b = 2 * plane; r < plane; r++, g++, b++) {
    const red = pixels[r]!;
    const green = pixels[g]!;
    const blue = pixels[b]!;
    pixels[r] = rr * red + rg * green + rb * blue + added;
    pixels[g] = gr * red + gg * green + gb * blue + added;
    pixels[b] = br * red + bg * green + bb * blue + added;
  }
}

/**
 * Matrix of saturation and hue on (red, green, blue), by rows. With L the matrix whose rows are the weights of luma, a
 * colour is its gray part L and the rest I - L. Saturation scales the rest; hue turns it: cos (I - L) + sin T, where T
 * is a quarter turn, in the W3C's numbers.
 */
function colorMatrix(saturation: number, hue: number): number[] {
  const cos = saturation * Math.cos(2 * Math.PI * hue);
  const sin = saturation * Math.sin(2 * Math.PI * hue);
  return QUARTER_TURN.map((turned, i) => {
    const luma = LUMA[i % 3]!;
    const isDiagonal = i % 4 === 0;
    return luma + cos * ((isDiagonal ? 1 : 0) - luma) + sin * turned;
  });
}

const LUMA = [RED, GREEN, BLUE] as const;

/**
 * The W3C's numbers for Rec. 709, where luma is rounded to 0.213, 0.715, 0.072: red's row is minus luma but for blue's 1 -
 * 0.072, blue's is luma but for red's -(1 - 0.213), and green's are such that luma does not change.
 */
const QUARTER_TURN = quarterTurn();

function quarterTurn(): readonly number[] {
  const red = [-RED, -GREEN, 1 - BLUE];
  const blue = [RED - 1, GREEN, BLUE];
  const green = red.map((entry, i) => -(RED * entry + BLUE * blue[i]!) / GREEN);
  return [...red, ...green, ...blue];
}

/** The mean of an image's luma; of its bytes where it is not in colour. */
function meanLuma(bytes: Uint8Array, offset: number, plane: number, channels: number): number {
  let mean = 0;
  for (let channel = 0; channel < channels; channel++) {
    const start = offset + channel * plane;
    let sum = 0;
    for (let at = start; at < start + plane; at++) sum += bytes[at]!;
    mean += (sum / plane) * (channels === 3 ? LUMA[channel]! : 1 / channels);
  }
  return mean;
}
