import { IMAGE_AXES, imageSizes, requireAxes, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

/** Mean and standard deviation per channel, [channels]; of pixels scaled to 0..1. */
export type PixelNormalization = {
  /** Mean of each channel, where full brightness is 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel, same units. */
  readonly standardDeviation: readonly number[];
};

/** The statistics of ImageNet's images, by which most published networks normalise. */
export const IMAGENET_NORMALIZATION: PixelNormalization = {
  mean: [0.485, 0.456, 0.406],
  standardDeviation: [0.229, 0.224, 0.225],
};

/** To values from -1 to 1. */
export const CENTRED_NORMALIZATION: PixelNormalization = { mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5] };

/**
 * y = (x / 255 - mean) / standardDeviation, per channel: images [N, C, H, W] of bytes (or of floats 0 to 255, the input
 * of an exported model) to float32. Computed as x * scale + shift. No derivative: pixels are data.
 */
export const normalizePixelsOp: Op<PixelNormalization> = {
  name: "normalizePixels",
  infer([x], { mean, standardDeviation }) {
    requireAxes("normalizePixels", "x", x!.shape, IMAGE_AXES);
    const { channels } = imageSizes(x!.shape);
    if (mean.length !== channels || standardDeviation.length !== channels) {
      throw new ShapeError(
        "normalizePixels",
        `${channels} channels want as many means and deviations, got ${mean.length} and ${standardDeviation.length}`,
      );
    }
    if (!standardDeviation.every((deviation) => deviation > 0)) {
      throw new ShapeError("normalizePixels", `deviations must be above 0, got ${standardDeviation.join(", ")}`);
    }
    return { shape: x!.shape };
  },
  gradient: () => [undefined],
  lower: {
    standard(writer, [x], value) {
      const { mean, standardDeviation } = value.attributes;
      const shape = [mean.length, 1, 1];
      const scale = writer.floats(
        standardDeviation.map((deviation) => 1 / (255 * deviation)),
        shape,
      );
      const shift = writer.floats(
        mean.map((m, channel) => -m / standardDeviation[channel]!),
        shape,
      );
      const pixels = value.inputs[0]!.dtype === "float32" ? x! : writer.cast(x!, "float32");
      return writer.node("Add", [writer.node("Mul", [pixels, scale]), shift]);
    },
  },
  reference([x], { attributes: { mean, standardDeviation } }) {
    const { channels, height, width } = imageSizes(x!.shape);
    return x!.data.map((pixel, i) => {
      const channel = Math.floor(i / (height * width)) % channels;
      return (pixel / 255 - mean[channel]!) / standardDeviation[channel]!;
    });
  },
};

export function normalizePixels(x: Value, normalization: PixelNormalization): Value {
  return apply(normalizePixelsOp, [x], { ...normalization });
}
