/**
 * Scales values so that the largest is 255, in place: so it is in the data set, where 99 % of the images reach 254 or more.
 * Zero stays zero.
 */
export function stretch(values: Float32Array): void {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  if (largest === 0) return;
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! * 255) / largest;
}
