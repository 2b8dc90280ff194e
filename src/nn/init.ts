import { type Shape, sizeOf } from "../graph/shape.ts";
import type { RandomStream } from "../random.ts";

/** Draws a parameter's initial values. */
export type Initializer = (shape: Shape, stream: RandomStream) => Float32Array;

/** Every element is `value`. */
export function filledWith(value: number): Initializer {
  return (shape) => new Float32Array(sizeOf(shape)).fill(value);
}

/** Every element drawn anew. A loop, as `Float32Array.from` takes more than twice as long. */
function drawn(shape: Shape, draw: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = draw();
  return values;
}

/**
 * Uniform in [-1 / sqrt(fanIn), 1 / sqrt(fanIn)): PyTorch's initialization of the weights and biases of convolution and
 * linear layers (Kaiming-uniform with a = sqrt(5); He et al. 2015).
 *
 * @param fanIn number of inputs that one output sums over
 */
export function uniformByFanIn(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return (shape, stream) => drawn(shape, () => (2 * stream.uniform() - 1) * bound);
}

/** Uniform within sqrt(6 / (inputs + outputs)) for weights [outputs, inputs] (Glorot and Bengio 2010). */
export const xavierUniform: Initializer = (shape, stream) => uniformByFanIn((shape[0]! + shape[1]!) / 6)(shape, stream);

/** Normal with mean 0 and this deviation, without values of more than two deviations: usual for embeddings. */
export function truncatedNormal(deviation: number): Initializer {
  return (shape, stream) =>
    drawn(shape, () => {
      for (;;) {
        // Box and Muller 1958; 1 - uniform is never 0.
        const normal = Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform());
        if (Math.abs(normal) <= 2) return normal * deviation;
      }
    });
}
