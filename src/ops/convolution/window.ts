import { ShapeError } from "../../graph/shape.ts";

/** Padding of an image: rows above, columns on the left, rows below, columns on the right. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

/** Expands a single size to rows and columns. */
export function pair(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}

/** Expands a padding of both directions, or of rows and of columns, to the four sides. */
export function fourSides(padding: number | readonly [number, number] | Pads): Pads {
  if (typeof padding === "number") return [padding, padding, padding, padding];
  return padding.length === 4 ? padding : [padding[0], padding[1], padding[0], padding[1]];
}

/** How a kernel or a pooling window moves over an image; pairs are rows and columns. */
export type Window = {
  readonly strides: readonly [number, number];
  readonly pads: Pads;
  /** Distance of neighbouring places of the kernel, in pixels. */
  readonly dilations: readonly [number, number];
};

/** @throws ShapeError unless strides and dilations are whole and at least 1, and pads at least 0 */
export function requireWindow(op: string, { strides, pads, dilations }: Window): void {
  for (const [what, sizes, least] of [
    ["strides", strides, 1],
    ["pads", pads, 0],
    ["dilations", dilations, 1],
  ] as const) {
    if (!sizes.every((size) => Number.isInteger(size) && size >= least)) {
      throw new ShapeError(op, `${what} must be whole and at least ${least}, got ${sizes.join(", ")}`);
    }
  }
}

/** Pixels from the first to the last place of a dilated kernel. */
const spanOf = (kernel: readonly number[], { dilations }: Pick<Window, "dilations">): [number, number] => [
  dilations[0] * (kernel[0]! - 1) + 1,
  dilations[1] * (kernel[1]! - 1) + 1,
];

/** Height and width of the part of an image that so many places of a kernel cover: the inverse of `windowedImage`. */
export function coveredImage(
  places: readonly number[],
  kernel: readonly number[],
  { strides, pads, dilations }: Window,
): [number, number] {
  const span = spanOf(kernel, { dilations });
  const size = (axis: 0 | 1) =>
    (places[axis]! - 1) * strides[axis] + span[axis] - pads[axis] - pads[axis === 0 ? 2 : 3];
  return [size(0), size(1)];
}

/**
 * Height and width of the result: floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1, PyTorch's formula.
 *
 * @throws ShapeError when the kernel is larger than the padded image
 */
export function windowedImage(
  op: string,
  image: readonly [number, number],
  kernel: readonly number[],
  { strides, pads, dilations }: Window,
): [number, number] {
  const span = spanOf(kernel, { dilations });
  const padded = [0, 1].map((axis) => image[axis]! + pads[axis]! + pads[axis + 2]!);
  const sizes = [0, 1].map((axis) => Math.floor((padded[axis]! - span[axis]!) / strides[axis]!) + 1);
  if (sizes.some((size) => size < 1)) {
    throw new ShapeError(op, `kernel ${span.join("x")} is larger than the padded image ${padded.join("x")}`);
  }
  return [sizes[0]!, sizes[1]!];
}
