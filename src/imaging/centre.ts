/**
 * Puts a plane into the middle of a larger one; where a side cannot be halved, the odd pixel goes left and above, as in
 * the data set.
 *
 * @param values 0 to 255, [height, width]
 * @returns whole numbers, `fill` around them, [target height, target width]
 */
export function centre(
  values: ArrayLike<number>,
  { width, height }: { width: number; height: number },
  target: { width: number; height: number },
  fill = 0,
): Uint8Array {
  const left = Math.ceil((target.width - width) / 2);
  const top = Math.ceil((target.height - height) / 2);
  const plane = new Uint8Array(target.width * target.height).fill(fill);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      plane[(top + row) * target.width + left + column] = Math.round(values[row * width + column]!);
    }
  }
  return plane;
}
