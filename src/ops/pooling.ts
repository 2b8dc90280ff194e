import { IMAGE_AXES, imageSizes, requireAxes, type Shape, ShapeError } from "../graph/shape.ts";

export type PoolAttributes = {
  /** Height and width of the window, which is also its step. */
  readonly size: number;
};

/** Shape [N, C, H / size, W / size], rounded down: rows and columns left over at the end are ignored, as in PyTorch. */
export function inferPool(op: string, x: Shape, { size }: PoolAttributes): Shape {
  requireAxes(op, "x", x, IMAGE_AXES);
  if (!Number.isInteger(size) || size < 1)
    throw new ShapeError(op, `size must be a whole number from 1 up, got ${size}`);
  const { batch, channels, height, width } = imageSizes(x);
  if (height < size || width < size)
    throw new ShapeError(op, `window ${size}x${size} is larger than the image ${height}x${width}`);
  return [batch, channels, Math.floor(height / size), Math.floor(width / size)];
}

/** Calls `visit` with each pooled position and the position of each pixel of its window. */
export function forEachWindow(xShape: Shape, size: number, visit: (pooled: number, x: number) => void): void {
  const { batch, channels, height, width } = imageSizes(xShape);
  const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
  for (let plane = 0; plane < batch * channels; plane++)
    for (let p = 0; p < rows * size; p++)
      for (let q = 0; q < columns * size; q++) {
        const pooled = (plane * rows + Math.floor(p / size)) * columns + Math.floor(q / size);
        visit(pooled, (plane * height + p) * width + q);
      }
}
