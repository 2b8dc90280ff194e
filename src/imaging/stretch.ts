/**
 * Scales values so that the largest is 255: so it is in the data set, where 99 % of the images reach 254 or more. Zero stays zero.
 */
export function stretch(values: Float32Array): Float32Array {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  return largest === 0 ? values : values.map((value) => (value * 255) / largest);
}
