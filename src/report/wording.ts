import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { Interval, Spread } from "../evaluation/significance.ts";
import { count, percent, signed } from "../text.ts";

/** Formatting of the report's numbers. Differences of fractions are in percentage points: 0.0103 is `+1.03`. */

/** Placeholder of an unknown number; a note gives the reason. */
export const UNKNOWN = "–";

/** `93.47 % ± 0.07 (n = 3)`, `93.47 % (n = 1)` */
export function spreadText(spread: Spread): string {
  return `${shortSpreadText(spread)} (n = ${spread.n})`;
}

/** `93.47 % ± 0.07`, `93.47 %` */
export function shortSpreadText({ mean, standardDeviation }: Spread): string {
  return `${percent(mean)}${standardDeviation === null ? "" : ` ± ${(standardDeviation * 100).toFixed(2)}`}`;
}

/** `test accuracy 93.21 % (9,321 of 10,000, standard error 0.25 %), loss 0.2041` */
export function accuracyLine(
  what: string,
  {
    accuracy,
    correct,
    total,
    standardError,
    loss,
  }: Pick<ClassificationMetrics, "accuracy" | "correct" | "total" | "standardError" | "loss">,
): string {
  return `${what} accuracy ${percent(accuracy)} (${count(correct)} of ${count(total)}, standard error ${percent(standardError)}), loss ${loss.toFixed(4)}`;
}

/** `+1.03`, `−0.42`, `0.00`: no sign if it rounds to zero. */
export function points(difference: number): string {
  return signed(difference * 100, 2);
}

/** `+0.58 to +1.48` */
export function intervalText({ low, high }: Interval): string {
  return `${points(low)} to ${points(high)}`;
}

/** `p = 0.0004`, `p = 0.031`, `p = 0.42`, `p < 0.0001` */
export function pText(p: number): string {
  if (p < 0.0001) return "p < 0.0001";
  return `p = ${p.toFixed(p < 0.01 ? 4 : p < 0.1 ? 3 : 2)}`;
}

/** `4.24 M`, `42.4 M`, `1.06 G`: three significant digits. */
export function large(value: number): string {
  const [scaled, unit] = value >= 999.5e6 ? [value / 1e9, "G"] : [value / 1e6, "M"];
  return `${scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0)} ${unit}`;
}

/** `base`, `base and enhanced`, `base, enhanced and small` */
export function listText(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** `text(value)`, or `UNKNOWN` for null and undefined. */
export function known<Value>(value: Value | null | undefined, text: (value: Value) => string): string {
  return value === null || value === undefined ? UNKNOWN : text(value);
}

/** A commit's abbreviated hash, seven digits. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}
