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

/**
 * The shape of an elementwise result of two shapes, by NumPy's rule: axes are aligned from the last one; where sizes differ
 * one must be 1 (or missing), and is repeated. Undefined where the shapes do not fit.
 */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const axes = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < axes; axis++) {
    const [left, right] = [a[a.length - axes + axis] ?? 1, b[b.length - axes + axis] ?? 1];
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** For each element of `to`, the position of the element of `from` that broadcasting puts there. */
export function broadcastIndex(from: Shape, to: Shape): Int32Array {
  const missing = to.length - from.length;
  const steps = to.map((_, axis) => ((from[axis - missing] ?? 1) === 1 ? 0 : sizeOf(from.slice(axis - missing + 1))));
  const index = new Int32Array(sizeOf(to));
  for (let i = 0; i < index.length; i++) {
    let rest = i;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      index[i] = index[i]! + (rest % to[axis]!) * steps[axis]!;
      rest = Math.floor(rest / to[axis]!);
    }
  }
  return index;
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
