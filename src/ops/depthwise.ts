import { formatShape, IMAGE_AXES, imageSizes, requireAxes, type Shape, ShapeError, sizeOf } from "../graph/shape.ts";
import { convolvedImage, forEachTap, WEIGHT_AXES } from "./convolution.ts";

/** What the three depthwise convolution operations share. The stride is 1. */
export type DepthwiseAttributes = {
  /** Rows of zeros above and below, columns left and right: fewer than the kernel has. */
  readonly padding: readonly [number, number];
};

/** Shape [N, C, P, Q] of a depthwise convolution's result. @throws ShapeError naming the rule that is broken */
export function inferDepthwise(op: string, x: Shape, weight: Shape, { padding }: DepthwiseAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  requireAxes(op, "weight", weight, WEIGHT_AXES);
  const { batch, channels, height, width } = imageSizes(x);
  const [kernelHeight, kernelWidth] = [weight[2]!, weight[3]!];
  if (weight[0] !== channels || weight[1] !== 1) {
    throw new ShapeError(
      op,
      `weight must be [${channels}, 1, kernel height, kernel width], one kernel for each channel of x ${formatShape(x)}, got ${formatShape(weight)}`,
    );
  }
  if (!padding.every((size, axis) => Number.isInteger(size) && size >= 0 && size < weight[2 + axis]!)) {
    throw new ShapeError(
      op,
      `padding must be whole, at least 0 and less than the kernel ${kernelHeight}x${kernelWidth}, got ${padding.join(", ")}`,
    );
  }
  const image = convolvedImage(op, [height, width], [kernelHeight, kernelWidth], { stride: 1, padding });
  return [batch, channels, ...image];
}

/**
 * Every product of a depthwise convolution once, as `forEachTap`: an image of N * C channels is so many images of one
 * channel, each with its channel's kernel.
 */
export function forEachDepthwiseTap(
  xShape: Shape,
  weightShape: Shape,
  yShape: Shape,
  { padding }: DepthwiseAttributes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { batch, channels } = imageSizes(xShape);
  const plane = (shape: Shape): Shape => [1, 1, shape[2]!, shape[3]!];
  const [xSize, weightSize, ySize] = [xShape, weightShape, yShape].map((shape) => sizeOf(plane(shape)));
  for (let image = 0; image < batch * channels; image++)
    forEachTap(plane(xShape), plane(weightShape), plane(yShape), { stride: 1, padding }, (x, weight, y) =>
      visit(image * xSize! + x, (image % channels) * weightSize! + weight, image * ySize! + y),
    );
}

/** Multiply-adds with result y [N, C, P, Q] and weight [C, 1, kh, kw], products with the padding's zeros counted. */
export function depthwiseMultiplyAdds(y: Shape, weight: Shape): number {
  return sizeOf(y) * sizeOf(weight.slice(2));
}
