import type { Origin } from "../graph/origin.ts";
import { type Attributes, topologicalOrder, type Value } from "../graph/value.ts";

/** Information for a rule about the graph that it rewrites. */
export interface RewriteContext {
  /** How often a value is read as an input of other values or as an output of the graph. */
  uses(value: Value): number;
}

/** One rewriting rule: returns an equal replacement of a value, or undefined where it does not apply. */
export interface Rule {
  readonly name: string;
  /**
   * Whether the rule also sees what its and other rules have made of the value's inputs in the same round: one that moves
   * something from operation to operation then needs one round for any number of them. It may not use `uses`.
   */
  readonly chains?: true;
  rewrite(value: Value, context: RewriteContext): Value | undefined;
}

/** Guards against rules that rewrite forever: more rounds than any sensible chain of rules needs. */
const MAX_ROUNDS = 50;

/**
 * Rewrites the graph below `outputs`, inputs first, until no rule applies any more. Equal values (same operation,
 * inputs and attributes) are merged on the way (common subexpression elimination), and unreachable values drop out.
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
  const chaining = rules.filter(({ chains }) => chains);
  let isChanged = false;

  /** The representative of all values equal to `value`; its inputs must be representatives already. */
  const unique = (value: Value): Value => {
    const key = `${value.op.name} ${value.inputs.map((input) => numbers.get(input)).join(",")} ${attributesKey(value.attributes)}`;
    const same = known.get(key);
    if (same) return same;
    known.set(key, value);
    numbers.set(value, numbers.size);
    return value;
  };
  /** Rebuilds a rule's result on top of the replaced values. */
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
    if (!replacement && chaining.length > 0) {
      const inputs = value.inputs.map(settle);
      const rebuilt = inputs.every((input, i) => input === value.inputs[i]) ? undefined : { ...value, inputs };
      for (const rule of rebuilt ? chaining : []) replacement ??= rule.rewrite(rebuilt!, context);
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

/** Attributes as text, equal exactly when the attributes are: JSON alone writes infinities as null and -0 as 0. */
function attributesKey(attributes: Attributes): string {
  return JSON.stringify(attributes, (_name, value: unknown) => {
    if (Object.is(value, -0)) return "-0";
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}

/**
 * Assigns origins to the values that a rewriting rule created, taken from the values they replace.
 *
 * `replaced` is removed, and so are those of its inputs that the new values do not read. A new value gets the origin of
 * the removed value with the same operation, or else of the innermost one. So a convolution that absorbs a bias (batch
 * norm's, say) and a ReLU keeps the convolution's layer, and where a rule exchanges two operations each keeps its own.
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
