/** Sizes are multiples of this, as networks halve their images at least twice. */
const STEP = 4;

/** Minimum default edge of square images, in pixels; an explicit size may be smaller. */
export const MIN_DEFAULT_SIZE = 28;
/** Maximum default edge for networks that do not have another. */
export const MAX_DEFAULT_SIZE = 64;

/**
 * Default image size: no larger than the pictures, within the supported range.
 *
 * @param median of the pictures' shorter edges, in pixels @param most the network's maximum
 */
export function defaultSize(median: number | undefined, most = MAX_DEFAULT_SIZE): number {
  const whole = STEP * Math.floor((median ?? 0) / STEP);
  return Math.min(Math.max(whole, MIN_DEFAULT_SIZE), most);
}

/** @returns undefined for no values */
export function medianOf(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
