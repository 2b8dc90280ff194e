import type { BorderSamples } from "./border.ts";

/** A channel's value over an evenly coloured ground in uneven light; places x, y are -1 to 1 from edge to edge. */
export interface Light {
  readonly base: number;
  /** Times x. */
  readonly right: number;
  /** Times y. */
  readonly down: number;
  /** Times x^2 + y^2: negative where the corners are darker, as lenses make them. */
  readonly outward: number;
}

/** Fewer samples than this tell no light. */
const MIN_SAMPLES = 16;
/** A pivot below this: the samples lie so (on a line, say) that they cannot tell the four terms apart. */
const SMALLEST_PIVOT = 1e-4;

/** What each number of a light is multiplied with. */
function termsAt(x: number, y: number): readonly [number, number, number, number] {
  return [1, x, y, x * x + y * y];
}

export function lightAt({ base, right, down, outward }: Light, x: number, y: number): number {
  return base + right * x + down * y + outward * (x * x + y * y);
}

/**
 * The light that fits the samples `members` best, by least squares (normal equations, Gaussian elimination).
 *
 * @returns [channels]; undefined when the samples do not tell it
 */
export function fitLight(
  { x, y, colors }: Omit<BorderSamples, "count">,
  members: readonly number[],
  channels: number,
): Light[] | undefined {
  if (members.length < MIN_SAMPLES) return undefined;
  const size = 4;
  // A row an equation: four coefficients, then a right side for each channel. Divided by the samples' number.
  const rows = Array.from({ length: size }, () => new Float64Array(size + channels));
  for (const i of members) {
    const terms = termsAt(x[i]!, y[i]!);
    for (let r = 0; r < size; r++) {
      const row = rows[r]!;
      for (let k = 0; k < size; k++) row[k]! += (terms[r]! * terms[k]!) / members.length;
      for (let c = 0; c < channels; c++) row[size + c]! += (terms[r]! * colors[i * channels + c]!) / members.length;
    }
  }
  // The matrix is symmetric and has no negative eigenvalue: it needs no exchange of rows.
  for (let pivot = 0; pivot < size; pivot++) {
    const row = rows[pivot]!;
    const scale = row[pivot]!;
    if (!(scale > SMALLEST_PIVOT)) return undefined;
    for (let k = 0; k < row.length; k++) row[k]! /= scale;
    for (const other of rows) {
      if (other === row) continue;
      const factor = other[pivot]!;
      for (let k = 0; k < row.length; k++) other[k]! -= factor * row[k]!;
    }
  }
  return Array.from({ length: channels }, (_, c) => {
    const [base, right, down, outward] = rows.map((row) => row[size + c]!);
    return { base: base!, right: right!, down: down!, outward: outward! };
  });
}
