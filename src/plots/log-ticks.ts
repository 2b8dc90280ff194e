const MOST_TICKS = 12;
/** Multiples of powers of ten to tell, the more the fewer powers there are. */
const MULTIPLES = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]] as const;

/**
 * Round numbers from `low` to `high`, both above 0, for a logarithmic axis.
 *
 * @param fit whether there is room for them all; the first choice that has it is taken, else the one with the fewest
 */
export function logTicks(
  low: number,
  high: number,
  fit: (ticks: readonly number[]) => boolean = (ticks) => ticks.length <= MOST_TICKS,
): number[] {
  const powers = Array.from(
    { length: Math.floor(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => Math.floor(Math.log10(low)) + i,
  );
  const choices = MULTIPLES.map((multiples) =>
    powers
      .flatMap((power) => multiples.map((multiple) => Number(`${multiple}e${power}`)))
      .filter((tick) => tick >= low && tick <= high),
  );
  return choices.find(fit) ?? choices.toSorted((a, b) => a.length - b.length)[0]!;
}
