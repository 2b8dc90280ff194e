import { UserError } from "../errors.ts";

/** Sizes of a tensor's axes, outermost first. A scalar has none. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether two shapes have the same axes, size by size. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** A shape as messages show it: `[2, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** An operation does not accept these shapes. The message names the operation, the shapes and the rule. */
export class ShapeError extends UserError {
  constructor(op: string, message: string) {
    super(`${op}: ${message}`, { exitCode: 2 });
  }
}

/**
 * @throws ShapeError unless `shape` has as many axes as `axes` names, e.g. `["batch", "channels", "height", "width"]`
 */
export function requireAxes(op: string, what: string, shape: Shape, axes: readonly string[]): void {
  if (shape.length !== axes.length) {
    throw new ShapeError(op, `${what} must be [${axes.join(", ")}], got ${formatShape(shape)}`);
  }
}

/** @throws ShapeError unless the shapes are equal */
export function requireSameShape(op: string, what: string, a: Shape, b: Shape): void {
  if (!sameShape(a, b))
    throw new ShapeError(op, `${what} must have equal shapes, got ${formatShape(a)} and ${formatShape(b)}`);
}

/** The axes of an image batch. */
export const IMAGE_AXES = ["batch", "channels", "height", "width"] as const;

/** Axes of a shape that is known to have four, by name. Call `requireAxes` first. */
export function imageSizes(shape: Shape): { batch: number; channels: number; height: number; width: number } {
  return { batch: shape[0]!, channels: shape[1]!, height: shape[2]!, width: shape[3]! };
}
