import { blockedImages, blockedWeights } from "../../graph/layout.ts";
import { imageSizes, requireSameShape, type Shape, sizeOf } from "../../graph/shape.ts";
import { apply, type Op, type Value } from "../../graph/value.ts";
import type { GraphWriter } from "../../onnx/graph-writer.ts";
import {
  blockedWeightKind,
  type ConvolutionAttributes,
  convolutionMultiplyAdds,
  forEachTap,
  inferConvolution,
  onnxPads,
} from "./shared.ts";

type InputGradientAttributes = ConvolutionAttributes & {
  /** Shape [N, C, H, W] of the convolution's input. */
  readonly shape: Shape;
};

/**
 * dx[n, c, h, w] = sum over k, i, j of dy[n, k, p, q] * weight[k, c, i, j] where h = p * stride + i - padding (w
 * alike).
 *
 * With stride 1 that is a convolution of dy with the kernel rotated by 180 degrees, input and output channels
 * exchanged, and padding (kernel - 1 - padding). With stride 2, blocked, it is four of them (`planPhases`). Otherwise
 * it is ONNX's ConvTranspose, whose output_padding accounts for the input rows and columns that the stride leaves over
 * at the end.
 */
export const conv2dInputGradientOp: Op<InputGradientAttributes> = {
  name: "conv2dInputGradient",
  infer([dy, weight], attributes) {
    const y = inferConvolution("conv2dInputGradient", attributes.shape, weight!.shape, attributes);
    requireSameShape("conv2dInputGradient", "dy and the convolution's result", dy!.shape, y);
    return { shape: attributes.shape };
  },
  lower: {
    standard(writer, [dy, weight], { inputs, attributes }) {
      const weightShape = inputs[1]!.shape;
      const [outputs, channels, kernelHeight, kernelWidth] = [...weightShape] as [number, number, number, number];
      if (isTurnedConvolution(weightShape, attributes)) {
        const exchanged = writer.reshape(writer.transpose(weight!, [1, 0, 2, 3]), [
          channels,
          outputs,
          kernelHeight * kernelWidth,
        ]);
        const turned = writer.reshape(reverseTaps(writer, exchanged, kernelHeight * kernelWidth), [
          channels,
          outputs,
          kernelHeight,
          kernelWidth,
        ]);
        return writer.node("Conv", [dy, turned], {
          kernel_shape: [kernelHeight, kernelWidth],
          pads: onnxPads(turnedPadding(weightShape, attributes)),
        });
      }
      const { stride, padding, shape } = attributes;
      return writer.node("ConvTranspose", [dy, weight], {
        kernel_shape: [kernelHeight, kernelWidth],
        strides: [stride, stride],
        pads: onnxPads(padding),
        output_padding: [
          (shape[2]! + 2 * padding[0] - kernelHeight) % stride,
          (shape[3]! + 2 * padding[1] - kernelWidth) % stride,
        ],
      });
    },
    blocked: {
      plan({ inputs, attributes }, _known, block) {
        const [dy, weight] = [inputs[0]!.shape, inputs[1]!.shape];
        if (blockedWeightKind(weight, block) !== "full") return undefined;
        if (!isTurnedConvolution(weight, attributes) && !planPhases(dy, weight, attributes.shape, attributes))
          return undefined;
        return { inputs: [blockedImages(block), blockedWeights(block)], output: blockedImages(block) };
      },
      emit(writer, [dy, weight], { inputs, attributes, shape }, _plan, block) {
        const weightShape = inputs[1]!.shape;
        const [outputs, channels, kernelHeight, kernelWidth] = [...weightShape] as [number, number, number, number];
        const exchanged = exchangeChannels(writer, weight!, weightShape, block);
        const phases = planPhases(inputs[0]!.shape, weightShape, shape, attributes);
        if (phases) return writePhases(writer, [dy!, exchanged], phases, { weight: weightShape, x: shape, block });
        const turned = writer.reshape(reverseTaps(writer, exchanged, kernelHeight * kernelWidth), [
          channels,
          outputs,
          kernelHeight,
          kernelWidth,
        ]);
        return writer.blocked("Conv", [dy, turned], {
          kernel_shape: [kernelHeight, kernelWidth],
          pads: onnxPads(turnedPadding(weightShape, attributes)),
        });
      },
    },
  },
  multiplyAdds: ({ inputs: [dy, weight] }) => convolutionMultiplyAdds(dy!.shape, weight!.shape),
  reference([dy, weight], { shape, attributes }) {
    const dx = new Float64Array(sizeOf(shape));
    forEachTap(shape, weight!.shape, dy!.shape, attributes, (xAt, weightAt, yAt) => {
      dx[xAt] = dx[xAt]! + dy!.data[yAt]! * weight!.data[weightAt]!;
    });
    return dx;
  },
};

/** @param dy [N, K, P, Q] @param weight [K, C, kh, kw] @returns [N, C, H, W], `attributes.shape` */
export function conv2dInputGradient(dy: Value, weight: Value, attributes: InputGradientAttributes): Value {
  return apply(conv2dInputGradientOp, [dy, weight], attributes);
}

/** Whether the gradient is a plain convolution with the rotated kernel: its padding must not be negative. */
function isTurnedConvolution(weight: Shape, { stride, padding }: ConvolutionAttributes): boolean {
  return stride === 1 && padding[0] < weight[2]! && padding[1] < weight[3]!;
}

/** Padding with which the rotated kernel restores the input's size. */
export function turnedPadding(
  weight: Shape,
  { padding }: Pick<ConvolutionAttributes, "padding">,
): readonly [number, number] {
  return [weight[2]! - 1 - padding[0], weight[3]! - 1 - padding[1]];
}

/**
 * Blocked weights [K/b, C/b, taps, b of C, b of K] with the channels exchanged: [C/b, K/b, taps, b of K, b of C].
 *
 * The b x b matrices are transposed by ReorderOutput, which reads each as a blocked image of b channels and b pixels:
 * ONNX Runtime's Transpose takes 30 times as long.
 */
function exchangeChannels(writer: GraphWriter, weight: string, shape: Shape, block: number): string {
  const [outputs, channels, taps] = [shape[0]!, shape[1]!, shape[2]! * shape[3]!];
  const matrices = (outputs * channels * taps) / block ** 2;
  const turned = writer.blocked("ReorderOutput", [writer.reshape(weight, [matrices, block, 1, block])], {
    channels: block,
  });
  const exchanged = writer.transpose(
    writer.reshape(turned, [outputs / block, channels / block, taps * block * block]),
    [1, 0, 2],
  );
  return writer.reshape(exchanged, [channels / block, outputs / block, taps, block, block]);
}

/** Reverses axis 2, the kernel's positions in row-major order: that rotates the kernel by 180 degrees. */
export function reverseTaps(writer: GraphWriter, weight: string, taps: number): string {
  if (taps === 1) return weight;
  const reversed = Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
  return writer.node("Gather", [weight, writer.integers(reversed)], { axis: 2 });
}

const STRIDE = 2;

/**
 * The input gradient of a convolution with stride 2, in the blocked layout, without superfluous products.
 *
 * Rows 2 p + phase of dx are reached only by the kernel's rows i with phase + padding - i even, from row p + (phase +
 * padding - i) / 2 of dy; columns alike. So dx splits into four images of half the size, each a convolution of dy with
 * a part of the rotated kernel, which are interleaved at the end.
 */
interface Phase {
  readonly phase: 0 | 1;
  /** Rows (or columns) of the kernel, in the order in which they are multiplied with dy. */
  readonly taps: readonly number[];
  readonly padding: readonly [start: number, end: number];
}

export interface Phases {
  readonly rows: readonly Phase[];
  readonly columns: readonly Phase[];
}

/**
 * @param dy [N, K, P, Q] @param weight [K, C, kh, kw] @param x [N, C, H, W]
 * @returns undefined for any other stride, and where a phase would have to crop dy (more padding than kernel)
 */
export function planPhases(
  dy: Shape,
  weight: Shape,
  x: Shape,
  { stride, padding }: ConvolutionAttributes,
): Phases | undefined {
  if (stride !== STRIDE) return undefined;
  const rows = phasesOf(x[2]!, weight[2]!, dy[2]!, padding[0]);
  const columns = phasesOf(x[3]!, weight[3]!, dy[3]!, padding[1]);
  return [...rows, ...columns].every(({ padding: sides }) => Math.min(...sides) >= 0) ? { rows, columns } : undefined;
}

/** Phases that no row of the kernel reaches (of a 1x1 kernel, one) are left out: they stay zero. */
function phasesOf(size: number, kernel: number, outputs: number, padding: number): Phase[] {
  const positions = Math.ceil(size / STRIDE);
  const reversed = Array.from({ length: kernel }, (_, i) => kernel - 1 - i);
  return ([0, 1] as const).flatMap((phase) => {
    const taps = reversed.filter((i) => (phase + padding - i) % STRIDE === 0);
    if (taps.length === 0) return [];
    const start = (taps[0]! - phase - padding) / STRIDE;
    return [{ phase, taps, padding: [start, positions - outputs - start + taps.length - 1] as const }];
  });
}

/**
 * @param dy blocked images
 * @param exchanged blocked weights with input and output channels exchanged: [C/b, K/b, kh * kw, b of K, b of C]
 * @returns dx as blocked images
 */
export function writePhases(
  writer: GraphWriter,
  [dy, exchanged]: readonly [string, string],
  { rows, columns }: Phases,
  { weight, x, block }: { readonly weight: Shape; readonly x: Shape; readonly block: number },
): string {
  const { batch, channels, height, width } = imageSizes(x);
  const [outputs, kernelWidth] = [weight[0]!, weight[3]!];
  const [halfHeight, halfWidth] = [Math.ceil(height / STRIDE), Math.ceil(width / STRIDE)];
  const images = rows.flatMap((row) =>
    columns.map((column) => {
      const taps = row.taps.flatMap((i) => column.taps.map((j) => i * kernelWidth + j));
      const kernel = [row.taps.length, column.taps.length] as const;
      const part = writer.reshape(writer.node("Gather", [exchanged, writer.integers(taps)], { axis: 2 }), [
        channels,
        outputs,
        ...kernel,
      ]);
      return writer.blocked("Conv", [dy, part], {
        kernel_shape: kernel,
        pads: [row.padding[0], column.padding[0], row.padding[1], column.padding[1]],
      });
    }),
  );
  const apart = images.length === 1 ? images[0]! : writer.node("Concat", images, { axis: 1 });
  const planes = channels / block;
  // [N, row phases, column phases, C/b, p, q, b] -> [N, C/b, p, row phases, q, column phases, b]
  const woven = writer.transpose(
    writer.reshape(apart, [batch, rows.length, columns.length, planes, halfHeight, halfWidth, block]),
    [0, 3, 4, 1, 5, 2, 6],
  );
  const filled = fillPhases(writer, woven, { rows, columns });
  const whole = writer.reshape(filled, [batch * planes, halfHeight * STRIDE, halfWidth * STRIDE, block]);
  const isOdd = height % STRIDE === 1 || width % STRIDE === 1;
  const cut = isOdd
    ? writer.node("Slice", [whole, writer.integers([0, 0]), writer.integers([height, width]), writer.integers([1, 2])])
    : whole;
  return writer.reshape(cut, x);
}

/** Zeros where a phase of the rows or of the columns is missing. */
function fillPhases(writer: GraphWriter, woven: string, { rows, columns }: Phases): string {
  const [above, left] = [rows, columns].map((phases) => (phases[0]!.phase === 0 ? 0 : 1)) as [number, number];
  const [below, right] = [STRIDE - rows.length - above, STRIDE - columns.length - left];
  if (above + left + below + right === 0) return woven;
  return writer.node("Pad", [woven, writer.integers([0, 0, 0, above, 0, left, 0, 0, 0, 0, below, 0, right, 0])]);
}
