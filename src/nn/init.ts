import { type Shape, sizeOf } from "../graph/shape.ts";
import type { RandomStream } from "../random.ts";

/** Draws a parameter's initial values. */
export type Initializer = (shape: Shape, stream: RandomStream) => Float32Array;

/** Every element is `value`. */
export function filledWith(value: number): Initializer {
  return (shape) => new Float32Array(sizeOf(shape)).fill(value);
}

/**
 * Uniform in [-1 / sqrt(fanIn), 1 / sqrt(fanIn)): PyTorch's initialization of the weights and biases of convolution and
 * linear layers (Kaiming-uniform with a = sqrt(5); He et al. 2015).
 *
 * @param fanIn number of inputs that one output sums over
 */
export function uniformByFanIn(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return (shape, stream) => Float32Array.from({ length: sizeOf(shape) }, () => (2 * stream.uniform() - 1) * bound);
}
