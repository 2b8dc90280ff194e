import type { BorderSamples } from "./border.ts";

/** A channel's value over an evenly coloured background in uneven light; x and y run from -1 to 1 from edge to edge. */
export interface Light {
  readonly base: number;
  /** Coefficient of x. */
  readonly right: number;
  /** Coefficient of y. */
  readonly down: number;
  /** Coefficient of x^2 + y^2: negative where the corners are darker (vignetting). */
  readonly outward: number;
}

/** Minimum number of samples for a fit. */
const MIN_SAMPLES = 16;
/** A smaller pivot means that the samples (all on a line, say) do not determine the four terms. */
const SMALLEST_PIVOT = 1e-4;

/** The terms that a light's coefficients multiply. */
function termsAt(x: number, y: number): readonly [number, number, number, number] {
  return [1, x, y, x * x + y * y];
}

export function lightAt({ base, right, down, outward }: Light, x: number, y: number): number {
  return base + right * x + down * y + outward * (x * x + y * y);
}

/**
 * Fits the light to the samples `members` by least squares (normal equations, Gaussian elimination).
 *
 * @returns [channels]; undefined when the samples do not determine it
 */
export function fitLight(
  { x, y, colors }: Omit<BorderSamples, "count">,
  members: readonly number[],
  channels: number,
): Light[] | undefined {
  if (members.length < MIN_SAMPLES) return undefined;
  const size = 4;
  // One equation per row: four coefficients, then a right-hand side for each channel. Divided by the number of samples.
  const rows = Array.from({ length: size }, () => new Float64Array(size + channels));
  for (const i of members) {
    const terms = termsAt(x[i]!, y[i]!);
    for (let r = 0; r < size; r++) {
      const row = rows[r]!;
      for (let k = 0; k < size; k++) row[k]! += (terms[r]! * terms[k]!) / members.length;
      for (let c = 0; c < channels; c++) row[size + c]! += (terms[r]! * colors[i * channels + c]!) / members.length;
    }
  }
  // The matrix is symmetric and positive semidefinite, so no pivoting is needed.
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
