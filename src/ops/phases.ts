import { imageSizes, type Shape } from "../graph/shape.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import type { ConvolutionAttributes } from "./convolution.ts";

const STRIDE = 2;

/**
 * The input gradient of a convolution with stride 2, in the blocked layout, without a product that is not needed.
 *
 * Rows 2 p + phase of dx are reached only by the kernel's rows i with phase + padding - i even, from row
 * p + (phase + padding - i) / 2 of dy; columns alike. So dx falls into four images of half the size, each a convolution
 * of dy with a part of the turned kernel, which are woven together at the end.
 */
interface Phase {
  readonly phase: 0 | 1;
  /** Rows (or columns) of the kernel, in the order in which they meet dy. */
  readonly taps: readonly number[];
  readonly padding: readonly [start: number, end: number];
}

export interface Phases {
  readonly rows: readonly Phase[];
  readonly columns: readonly Phase[];
}

/**
 * @param dy [N, K, P, Q] @param weight [K, C, kh, kw] @param x [N, C, H, W]
 * @returns undefined for another stride, and where a phase would need a part of dy cut off (padding beyond the kernel)
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
