import { blockedImages, blockedOutputWeights, blockedWeights } from "../../graph/layout.ts";
import {
  formatShape,
  IMAGE_AXES,
  imageSizes,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sizeOf,
} from "../../graph/shape.ts";
import { apply, type LayoutPlan, type Op, type Value } from "../../graph/value.ts";
import { WEIGHT_AXES } from "./shared.ts";
import { coveredImage, requireWindow, type Window, windowedImage } from "./window.ts";

/**
 * Convolution in its general form: any stride, dilation, padding of each side, groups. `conv2d` and `depthwiseConv2d` cover
 * the usual cases, with lowerings of their own; the function `conv2d` chooses.
 *
 * Symbols: N batch, C input and K output channels, G groups, H x W and P x Q sizes.
 */
export type GeneralConvolutionAttributes = Window & {
  /** The channels are divided into this many groups, each convolved by itself. */
  readonly groups: number;
};

/** @throws ShapeError naming the rule that is broken */
function inferGeneral(op: string, x: Shape, weight: Shape, attributes: GeneralConvolutionAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  requireAxes(op, "weight", weight, WEIGHT_AXES);
  const { groups } = attributes;
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ShapeError(op, `groups must be a whole number from 1 up, got ${groups}`);
  }
  const { batch, channels, height, width } = imageSizes(x);
  const [outputs, perGroup, ...kernel] = [...weight] as [number, number, number, number];
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw new ShapeError(
      op,
      `${groups} groups must divide the ${channels} channels of x ${formatShape(x)} and the ${outputs} of the result`,
    );
  }
  if (perGroup !== channels / groups) {
    throw new ShapeError(
      op,
      `weight ${formatShape(weight)} takes ${perGroup} input channels a group, x ${formatShape(x)} has ${channels / groups} in each of ${groups}; they must be equal`,
    );
  }
  requireWindow(op, attributes);
  return [batch, outputs, ...windowedImage(op, [height, width], kernel, attributes)];
}

/** Visits every product of a convolution once, with its positions in x, weight and y. The references use this loop. */
function forEachProduct(
  xShape: Shape,
  weightShape: Shape,
  yShape: Shape,
  { strides, pads, dilations, groups }: GeneralConvolutionAttributes,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const { batch, channels, height, width } = imageSizes(xShape);
  const { channels: outputs, height: rows, width: columns } = imageSizes(yShape);
  const [, perGroup, kernelHeight, kernelWidth] = [...weightShape] as [number, number, number, number];
  for (let n = 0; n < batch; n++)
    for (let k = 0; k < outputs; k++)
      for (let c = 0; c < perGroup; c++) {
        const plane = (n * channels + Math.floor(k / (outputs / groups)) * perGroup + c) * height * width;
        for (let i = 0; i < kernelHeight; i++)
          for (let j = 0; j < kernelWidth; j++) {
            const tap = ((k * perGroup + c) * kernelHeight + i) * kernelWidth + j;
            for (let p = 0; p < rows; p++) {
              const row = p * strides[0] + i * dilations[0] - pads[0];
              if (row < 0 || row >= height) continue;
              for (let q = 0; q < columns; q++) {
                const column = q * strides[1] + j * dilations[1] - pads[1];
                if (column >= 0 && column < width)
                  visit(plane + row * width + column, tap, ((n * outputs + k) * rows + p) * columns + q);
              }
            }
          }
      }
}

const onnxAttributes = (weight: Shape, { strides, pads, dilations, groups }: GeneralConvolutionAttributes) => ({
  kernel_shape: weight.slice(2),
  strides,
  pads,
  dilations,
  group: groups,
});

/** Layouts of x, weight and y where the provider convolves blocked images: whole blocks in each group, or depthwise. */
function planGeneral(x: Shape, weight: Shape, groups: number, block: number): LayoutPlan | undefined {
  const images = blockedImages(block);
  const [channels, outputs, perGroup] = [x[1]!, weight[0]!, weight[1]!];
  if (perGroup === 1 && outputs === groups && channels % block === 0) {
    return { inputs: [images, blockedOutputWeights(block)], output: images };
  }
  if (perGroup % block !== 0 || (outputs / groups) % block !== 0) return undefined;
  return { inputs: [images, blockedWeights(block)], output: images };
}

/**
 * y[n, k, p, q] = sum over c, i, j of x[n, c, p * stride + i * dilation - pad, q * stride + ...] * weight[k, c, i, j], where c
 * goes over the channels of k's group. x [N, C, H, W], weight [K, C / G, kh, kw], y [N, K, P, Q]; pixels outside x count as
 * zero. It is linear in both, so each derivative sums over the same products.
 */
export const convolutionOp: Op<GeneralConvolutionAttributes> = {
  name: "convolution",
  infer: ([x, weight], attributes) => ({ shape: inferGeneral("convolution", x!.shape, weight!.shape, attributes) }),
  gradient: ({ inputs: [x, weight], attributes }, dy) => [
    convolutionInputGradient(dy, weight!, { ...attributes, shape: x!.shape }),
    convolutionWeightGradient(x!, dy, { ...attributes, shape: weight!.shape }),
  ],
  lower: {
    standard: (writer, inputs, { inputs: [, weight], attributes }) =>
      writer.node("Conv", inputs, onnxAttributes(weight!.shape, attributes)),
    blocked: {
      plan: ({ inputs: [x, weight], attributes: { groups } }, _known, block) =>
        planGeneral(x!.shape, weight!.shape, groups, block),
      emit: (writer, inputs, { inputs: [, weight], attributes }) =>
        writer.blocked("Conv", inputs, onnxAttributes(weight!.shape, attributes)),
    },
  },
  multiplyAdds: ({ inputs: [, weight], shape }) => sizeOf(shape) * sizeOf(weight!.shape.slice(1)),
  reference: ([x, weight], { shape, attributes }) =>
    summed(shape, (add) =>
      forEachProduct(x!.shape, weight!.shape, shape, attributes, (xAt, weightAt, yAt) =>
        add(yAt, x!.data[xAt]! * weight!.data[weightAt]!),
      ),
    ),
};

/** Collects sums of products. */
function summed(shape: Shape, visit: (add: (at: number, product: number) => void) => void): Float64Array {
  const sums = new Float64Array(sizeOf(shape));
  visit((at, product) => {
    sums[at] = sums[at]! + product;
  });
  return sums;
}

/** @param x [N, C, H, W] @param weight [K, C / groups, kh, kw] @returns [N, K, P, Q] */
export function convolution(x: Value, weight: Value, attributes: GeneralConvolutionAttributes): Value {
  return apply(convolutionOp, [x, weight], attributes);
}

type ShapedAttributes = GeneralConvolutionAttributes & {
  /** Shape of the result: the convolution's input [N, C, H, W], or its weight [K, C / G, kh, kw]. */
  readonly shape: Shape;
};

/**
 * dx[n, c, h, w] = sum of dy[n, k, p, q] * weight[k, c, i, j] over all k, i, j, p, q that `convolutionOp` combines with it: a
 * transposed convolution. Where the stride leaves rows or columns of x over at the end, ONNX's output_padding adds them.
 *
 * It is linear in dy and weight: its own derivatives are the convolution of the gradient, and the weight's gradient with
 * the two images exchanged.
 */
export const convolutionInputGradientOp: Op<ShapedAttributes> = {
  name: "convolutionInputGradient",
  infer([dy, weight], { shape, ...attributes }) {
    const y = inferGeneral("convolutionInputGradient", shape, weight!.shape, attributes);
    requireSameShape("convolutionInputGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape };
  },
  gradient: ({ inputs: [dy, weight], attributes: { shape: _, ...attributes } }, dx) => [
    convolution(dx, weight!, attributes),
    convolutionWeightGradient(dx, dy!, { ...attributes, shape: weight!.shape }),
  ],
  lower: {
    standard(writer, inputs, { inputs: [dy, weight], shape, attributes }) {
      const covered = coveredImage(dy!.shape.slice(2), weight!.shape.slice(2), attributes);
      return writer.node("ConvTranspose", inputs, {
        ...onnxAttributes(weight!.shape, attributes),
        output_padding: covered.map((size, axis) => shape[2 + axis]! - size),
      });
    },
  },
  multiplyAdds: ({ inputs: [dy, weight] }) => sizeOf(dy!.shape) * sizeOf(weight!.shape.slice(1)),
  reference: ([dy, weight], { shape, attributes }) =>
    summed(shape, (add) =>
      forEachProduct(shape, weight!.shape, dy!.shape, attributes, (xAt, weightAt, yAt) =>
        add(xAt, dy!.data[yAt]! * weight!.data[weightAt]!),
      ),
    ),
};

/** @param dy [N, K, P, Q] @param weight [K, C / groups, kh, kw] @returns [N, C, H, W], `attributes.shape` */
export function convolutionInputGradient(dy: Value, weight: Value, attributes: ShapedAttributes): Value {
  return apply(convolutionInputGradientOp, [dy, weight], attributes);
}

/** Options of `transposedConvolution`. */
export type TransposedAttributes = GeneralConvolutionAttributes & {
  /** Rows and columns added at the end of the result: fewer than the stride. */
  readonly outputPadding: readonly [number, number];
};

/**
 * Transposed convolution: the derivative of a convolution with respect to its input, as a forward operation.
 *
 * @param x [N, K, P, Q] @param weight [K, C / groups, kh, kw]
 * @returns [N, C, H, W] with H = (P - 1) * stride + dilation * (kh - 1) + 1 - pads + outputPadding, W alike
 */
export function transposedConvolution(x: Value, weight: Value, attributes: TransposedAttributes): Value {
  const { outputPadding, ...convolved } = attributes;
  requireAxes("transposedConvolution", "x", x.shape, IMAGE_AXES);
  requireAxes("transposedConvolution", "weight", weight.shape, WEIGHT_AXES);
  requireWindow("transposedConvolution", convolved);
  const { strides, pads, groups } = convolved;
  if (x.shape[1] !== weight.shape[0]) {
    throw new ShapeError(
      "transposedConvolution",
      `weight ${formatShape(weight.shape)} takes ${weight.shape[0]} input channels, x ${formatShape(x.shape)} has ${x.shape[1]}; they must be equal`,
    );
  }
  if (!outputPadding.every((size, axis) => Number.isInteger(size) && size >= 0 && size < strides[axis]!)) {
    throw new ShapeError(
      "transposedConvolution",
      `outputPadding must be whole, at least 0 and less than the stride ${strides.join("x")}, got ${outputPadding.join(", ")}`,
    );
  }
  const covered = coveredImage(x.shape.slice(2), weight.shape.slice(2), convolved);
  const image = covered.map((size, axis) => size + outputPadding[axis]!);
  if (image.some((size) => size < 1)) {
    throw new ShapeError(
      "transposedConvolution",
      `the padding ${pads.join(", ")} leaves nothing of x ${formatShape(x.shape)}`,
    );
  }
  const shape = [x.shape[0]!, weight.shape[1]! * groups, ...image];
  return convolutionInputGradient(x, weight, { ...convolved, shape });
}

/**
 * dweight[k, c, i, j] = sum over n, p, q of x[n, c, p * stride + i * dilation - pad, ...] * dy[n, k, p, q]
 *
 * A convolution again, with stride and dilation exchanged: x's channels within their group become the batch, the images the
 * channels to sum over, and dy the kernels, [C / G, G * N, H, W] * [K, N, P, Q] in G groups. Where the stride left rows or
 * columns of x over, the result has more places than the kernel; those are cut off. Depthwise, the images are not summed
 * over but are groups too, [1, N * C, H, W] * [N * K, 1, P, Q]: nothing has to be moved, and the results are added.
 */
export const convolutionWeightGradientOp: Op<ShapedAttributes> = {
  name: "convolutionWeightGradient",
  infer([x, dy], { shape, ...attributes }) {
    const y = inferGeneral("convolutionWeightGradient", x!.shape, shape, attributes);
    requireSameShape("convolutionWeightGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape };
  },
  lower: {
    standard(writer, [x, dy], { inputs, shape, attributes: { strides, dilations, pads, groups } }) {
      const { batch, channels, height, width } = imageSizes(inputs[0]!.shape);
      const kernel = inputs[1]!.shape.slice(2);
      const [outputs, perGroup, kernelHeight, kernelWidth] = [...shape] as [number, number, number, number];
      const convolve = (images: string, kernels: string, group: number) => {
        const sums = writer.node("Conv", [images, kernels], {
          kernel_shape: kernel,
          strides: dilations,
          dilations: strides,
          pads,
          group,
        });
        const ends = writer.integers([kernelHeight, kernelWidth]);
        return writer.node("Slice", [sums, writer.integers([0, 0]), ends, writer.integers([2, 3])]);
      };
      if (perGroup === 1) {
        const images = writer.reshape(x!, [1, batch * channels, height, width]);
        const kernels = writer.reshape(dy!, [batch * outputs, 1, ...kernel]);
        const perImage = writer.reshape(convolve(images, kernels, batch * channels), [batch, sizeOf(shape)]);
        return writer.reshape(writer.reduceSum(perImage, [0]), shape);
      }
      // [N, G, C / G, H, W] -> [C / G, G * N, H, W]
      const split = writer.reshape(x!, [batch, groups, perGroup, height * width]);
      const images = writer.reshape(writer.transpose(split, [2, 1, 0, 3]), [perGroup, groups * batch, height, width]);
      const sums = convolve(images, writer.transpose(dy!, [1, 0, 2, 3]), groups);
      return writer.transpose(sums, [1, 0, 2, 3]);
    },
  },
  multiplyAdds: ({ inputs: [, dy], shape }) => sizeOf(dy!.shape) * sizeOf(shape.slice(1)),
  reference: ([x, dy], { shape, attributes }) =>
    summed(shape, (add) =>
      forEachProduct(x!.shape, shape, dy!.shape, attributes, (xAt, weightAt, yAt) =>
        add(weightAt, x!.data[xAt]! * dy!.data[yAt]!),
      ),
    ),
};

/** @param x [N, C, H, W] @param dy [N, K, P, Q] @returns [K, C / groups, kh, kw], `attributes.shape` */
export function convolutionWeightGradient(x: Value, dy: Value, attributes: ShapedAttributes): Value {
  return apply(convolutionWeightGradientOp, [x, dy], attributes);
}
