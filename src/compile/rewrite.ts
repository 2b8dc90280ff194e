import type { Origin } from "../graph/origin.ts";
import { type Attributes, topologicalOrder, type Value } from "../graph/value.ts";

/** What a rule may ask about the graph that it rewrites. */
export interface RewriteContext {
  /** How many inputs of other values (and outputs of the graph) a value is. */
  uses(value: Value): number;
}

/** One rewriting rule: gives a value's replacement, with the same numbers, or undefined where it does not apply. */
export interface Rule {
  readonly name: string;
  rewrite(value: Value, context: RewriteContext): Value | undefined;
}

/** A rule must not grow the graph for ever: more rounds than any sensible chain of rules needs. */
const MAX_ROUNDS = 50;

/**
 * Rewrites the graph below `outputs`, inputs first, until no rule applies any more. Equal values (same operation, inputs
 * and attributes) become one on the way: common subexpressions; values that nobody reaches are gone by themselves.
 *
 * @param origins where the values come from; those of new values are added
 */
export function rewrite(
  outputs: readonly Value[],
  rules: readonly Rule[],
  origins: Map<Value, Origin> = new Map(),
): Value[] {
  let current = [...outputs];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { results, isChanged } = rewriteOnce(current, rules, origins);
    current = results;
    if (!isChanged) return current;
  }
  throw new Error(`rewriting did not end after ${MAX_ROUNDS} rounds of ${rules.map(({ name }) => name).join(", ")}`);
}

function rewriteOnce(outputs: readonly Value[], rules: readonly Rule[], origins: Map<Value, Origin>) {
  const order = topologicalOrder(outputs);
  const useCounts = new Map<Value, number>();
  for (const value of [...order.flatMap(({ inputs }) => inputs), ...outputs]) {
    useCounts.set(value, (useCounts.get(value) ?? 0) + 1);
  }
  const context: RewriteContext = { uses: (value) => useCounts.get(value) ?? 0 };
  const numbers = new Map<Value, number>();
  const known = new Map<string, Value>();
  const replaced = new Map<Value, Value>();
  let isChanged = false;

  /** The one value that stands for all equal to `value`; its inputs must be such values already. */
  const unique = (value: Value): Value => {
    const key = `${value.op.name} ${value.inputs.map((input) => numbers.get(input)).join(",")} ${attributesKey(value.attributes)}`;
    const same = known.get(key);
    if (same) return same;
    known.set(key, value);
    numbers.set(value, numbers.size);
    return value;
  };
  /** Rebuilds what a rule returned on top of replaced values. */
  const settle = (value: Value): Value => {
    const done = replaced.get(value);
    if (done) return done;
    const inputs = value.inputs.map(settle);
    const rebuilt = inputs.every((input, i) => input === value.inputs[i]) ? value : { ...value, inputs };
    const origin = origins.get(value);
    if (origin) origins.set(rebuilt, origin);
    const result = unique(rebuilt);
    replaced.set(value, result);
    return result;
  };

  for (const value of order) {
    let replacement: Value | undefined;
    for (const rule of rules) {
      replacement = rule.rewrite(value, context);
      if (replacement) break;
    }
    if (replacement) {
      isChanged = true;
      inheritOrigins(origins, value, replacement);
      replaced.set(value, settle(replacement));
    } else if (settle(value) !== value) {
      isChanged = true;
    }
  }
  return { results: outputs.map(settle), isChanged };
}

/** Attributes as text, equal exactly when they are: JSON alone writes infinities as null and -0 as 0. */
function attributesKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_name, value: unknown) => {
    if (Object.is(value, -0)) return "-0";
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}

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
