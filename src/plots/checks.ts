/** @throws RangeError when `value` is no share of 0 to 1; NaN is none */
export function checkShare(value: number, what: string): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${what} is ${value}, not a share from 0 to 1`);
}

/** @throws RangeError when `value` is NaN or infinite */
export function checkFinite(value: number, what: string): void {
  if (!Number.isFinite(value)) throw new RangeError(`${what} is ${value}, which cannot be drawn`);
}

/** @throws RangeError when `value` is no count */
export function checkCount(value: number, what: string): void {
  if (!(Number.isInteger(value) && value >= 0)) throw new RangeError(`${what} is ${value}, not a count`);
}

/** @throws RangeError when there is nothing to draw */
export function checkSome(values: readonly unknown[], what: string): void {
  if (values.length === 0) throw new RangeError(`no ${what} to draw`);
}
