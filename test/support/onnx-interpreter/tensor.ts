/** A tensor of the interpreter, row-major. Float64 whatever its ONNX type: integers and truth values are exact in it. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** @throws Error unless there are as many numbers as the shape has elements */
export function tensor(shape: readonly number[], data: ArrayLike<number>): Tensor {
  if (data.length !== elements(shape)) throw new Error(`${data.length} numbers for shape [${shape}]`);
  return { shape, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** How far apart in memory neighbours along each axis lie. */
export function strides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elements(shape.slice(axis + 1)));
}

/** An axis counted from the front; ONNX counts negative ones from the back. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/**
 * A tensor whose element at each place is read from `source`: place (i0, i1, ...) of `shape` comes from
 * `offset + i0 * steps[0] + i1 * steps[1] + ...`. A step of 0 repeats. Most of ONNX's rearrangements are this.
 */
export function view(source: Float64Array, shape: readonly number[], steps: readonly number[], offset = 0): Tensor {
  const data = new Float64Array(elements(shape));
  let filled = 0;
  const visit = (axis: number, from: number) => {
    if (axis === shape.length) {
      data[filled++] = source[from]!;
      return;
    }
    for (let i = 0; i < shape[axis]!; i++) visit(axis + 1, from + i * steps[axis]!);
  };
  visit(0, offset);
  return { shape, data };
}

/** The four sizes of an image batch. @throws Error unless there are four */
export function fourSizes({ shape }: Tensor): [number, number, number, number] {
  if (shape.length !== 4) throw new Error(`four axes are needed, got [${shape}]`);
  return [...shape] as [number, number, number, number];
}
