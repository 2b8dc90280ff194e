import { checkRead, type Rows } from "./rows.ts";

/** Maximum difference of a gray picture's channels, of 255: lossy WebP differs by 1. */
const GRAY_SPREAD = 2;

/** Whether the three channels of every image are equal, up to the noise of lossy formats. */
export function hasNoColor(images: Uint8Array, plane: number): boolean {
  for (let start = 0; start < images.length; start += 3 * plane) {
    for (let i = start; i < start + plane; i++) {
      const [red, green, blue] = [images[i]!, images[i + plane]!, images[i + 2 * plane]!];
      if (Math.max(red, green, blue) - Math.min(red, green, blue) > GRAY_SPREAD) return false;
    }
  }
  return true;
}

/** The first of the three channels of each image, which is all that is read. */
export function grayRows(rows: Rows, plane: number): Rows {
  const shape = { dtype: "uint8", count: rows.count, size: plane } as const;
  return {
    ...shape,
    read(start, end) {
      checkRead(shape, start, end);
      if (end - start === 1) return rows.read(start, end).subarray(0, plane);
      const gray = new Uint8Array((end - start) * plane);
      for (let row = start; row < end; row++)
        gray.set(rows.read(row, row + 1).subarray(0, plane), (row - start) * plane);
      return gray;
    },
  };
}
