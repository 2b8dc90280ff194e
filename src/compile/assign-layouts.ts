import { CANONICAL, type Layout } from "../graph/layout.ts";
import { isOp, type KnownLayout, type LayoutPlan, type Value } from "../graph/value.ts";
import { inputName, inputOp } from "../ops/leaves.ts";

export interface LayoutAssignment {
  /** The layout in which each value is computed. */
  readonly layouts: ReadonlyMap<Value, Layout>;
  /** Input and output layouts of values that run blocked. All others use their standard lowering. */
  readonly plans: ReadonlyMap<Value, LayoutPlan>;
}

/**
 * Chooses each value's layout, in one pass from inputs to outputs. An operation runs blocked wherever its shapes fit;
 * a parameter gets the layout that its first user requires, and optimizer state (`like`) gets its parameter's.
 *
 * @param order topological, with the forward pass before the optimizer's updates
 * @param free names of inputs whose layout may be chosen: parameters and state
 * @param like name of the parameter whose layout a state tensor shares
 */
export function assignLayouts(
  order: readonly Value[],
  { block, free, like }: { block: number; free: ReadonlySet<string>; like: ReadonlyMap<string, string> },
): LayoutAssignment {
  const layouts = new Map<Value, Layout>();
  const plans = new Map<Value, LayoutPlan>();
  const byName = new Map<string, Layout>();

  const known = (value: Value): KnownLayout => {
    const layout = layouts.get(value);
    if (layout) return layout;
    const name = inputName(value);
    return byName.get(like.get(name) ?? name);
  };
  const settle = (value: Value, layout: Layout) => {
    if (layouts.has(value)) return;
    const name = inputName(value);
    layouts.set(value, layout);
    byName.set(name, layout);
  };

  for (const value of order) {
    if (isOp(value, inputOp)) {
      if (!free.has(value.attributes.name)) layouts.set(value, CANONICAL);
      continue;
    }
    const plan = value.op.lower?.blocked?.plan(value, value.inputs.map(known), block);
    value.inputs.forEach((input, i) => {
      if (!layouts.has(input)) settle(input, known(input) ?? plan?.inputs[i] ?? CANONICAL);
    });
    if (plan) plans.set(value, plan);
    layouts.set(value, plan?.output ?? CANONICAL);
  }
  for (const value of order) if (!layouts.has(value)) settle(value, known(value) ?? CANONICAL);
  return { layouts, plans };
}

/** The layout of every value in the standard lowering. */
export const EVERYTHING_CANONICAL: LayoutAssignment = { layouts: new Map(), plans: new Map() };
