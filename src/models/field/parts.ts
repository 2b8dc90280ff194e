import { batchNorm, conv2d, depthwiseConv2d, type Layer, type Model, sequential } from "../../nn/index.ts";
import { CENTRED_NORMALIZATION, IMAGENET_NORMALIZATION } from "../../ops/normalize-pixels.ts";

/** What networks of other programs have in common; their tensors have the names of torchvision's or timm's modules. */

/** What the published weights expect: images of 224x224 and ImageNet's normalisation. */
export const IMAGENET: NonNullable<Model["published"]> = {
  image: { channels: 3, height: 224, width: 224 },
  classes: 1000,
  normalization: IMAGENET_NORMALIZATION,
};

/** What timm's weights expect whose pixels are from -1 to 1. */
export const INCEPTION: NonNullable<Model["published"]> = { ...IMAGENET, normalization: CENTRED_NORMALIZATION };

/** Maximum default edge of images made from pictures: at 224, the size of the published weights, a training takes hours. */
export const MAX_DEFAULT_SIZE = 96;

interface ConvolutionOptions {
  readonly kernel: number;
  readonly stride?: number;
  /** None for a projection. */
  readonly activation?: Layer;
  readonly isDepthwise?: boolean;
  readonly norm?: Parameters<typeof batchNorm>[0];
}

/** torchvision's Conv2dNormActivation: convolution "0", batch norm "1", activation; the stride alone changes the size. */
export function convolutionNorm(channels: number, options: ConvolutionOptions): Layer {
  const { kernel, stride = 1, activation, isDepthwise = false, norm } = options;
  const settings = { kernelSize: kernel, stride, padding: (kernel - 1) / 2, bias: false };
  const convolution = isDepthwise ? depthwiseConv2d(settings) : conv2d(channels, settings);
  return sequential([convolution, batchNorm(norm), ...(activation ? [activation] : [])]);
}

/** `value` rounded to a multiple of 8, but not by more than a tenth down: widths in MobileNets (torchvision's rule). */
export function roundedToEight(value: number): number {
  const rounded = Math.max(8, Math.floor((value + 4) / 8) * 8);
  return rounded < 0.9 * value ? rounded + 8 : rounded;
}
