import type { Rule } from "../rewrite.ts";

/** An operation that is defined by others becomes those: its own derivative is taken by now. */
export const expandRule: Rule = {
  name: "expand",
  rewrite: (value) => value.op.expand?.(value),
};
