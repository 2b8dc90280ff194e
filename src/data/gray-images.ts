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

/** The first of the three channels of each image. */
export function firstPlanes(images: Uint8Array, plane: number): Uint8Array {
  const gray = new Uint8Array(images.length / 3);
  for (let to = 0; to < gray.length; to += plane) gray.set(images.subarray(3 * to, 3 * to + plane), to);
  return gray;
}
