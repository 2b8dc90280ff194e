import type { Origin } from "../graph/origin.ts";
import type { Value } from "../graph/value.ts";

/**
 * Gives the values that a rewriting rule made their origins, from what they stand for.
 *
 * `replaced` goes, and so do those of its inputs that the new values do not read. A new value takes the origin of the one
 * among them that has its operation, or else of the innermost. So a convolution that swallows a bias (batch norm's, say)
 * and a ReLU stays the convolution's layer, and where a rule exchanges two operations each keeps its own.
 */
export function inheritOrigins(origins: Map<Value, Origin>, replaced: Value, replacement: Value): void {
  if (!origins.has(replaced)) return;
  const made = new Set<Value>();
  const waiting = [replacement];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (origins.has(value) || made.has(value)) continue;
    made.add(value);
    waiting.push(...value.inputs);
  }
  const read = new Set([replacement, ...[...made].flatMap(({ inputs }) => inputs)]);
  const gone = [replaced, ...replaced.inputs.filter((input) => !read.has(input) && origins.has(input))];
  for (const value of made) {
    const source = gone.find(({ op }) => op.name === value.op.name) ?? gone.at(-1)!;
    origins.set(value, origins.get(source)!);
  }
}
