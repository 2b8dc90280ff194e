/** Formatting of numbers. */

/** "93.98 %" of 0.9398. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** "+1.04" or "−0.30": with a sign (a true minus), except if it rounds to zero. */
export function signed(value: number, digits: number): string {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
}

/** "9,345": rounded to a whole number. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 seed", "1,000 seeds". */
export function counted(n: number, word: string, words = `${word}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? word : words}`;
}

const UNITS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** "300k", "1.5M": for ticks. */
export function shortNumber(value: number): string {
  const [size, unit] = UNITS.find(([least]) => value >= least) ?? [1, ""];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}

/** `4 s`, `1 min 05 s`, `2 h 03 min` */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/**
 * Aligns rows of cells in columns: those in `leftColumns` to the left (default: the first), the others to the right.
 */
export function table(rows: readonly (readonly string[])[], leftColumns: readonly number[] = [0]): string[] {
  const widths = rows.reduce<number[]>((sofar, row) => row.map((cell, i) => Math.max(cell.length, sofar[i] ?? 0)), []);
  return rows.map((row) =>
    row
      .map((cell, i) => (leftColumns.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** A word as a shell takes it: `runs/best`, `'my runs/best'`. */
export function shellWord(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
