import type { Attributes, Op, Value } from "../graph/value.ts";

/** Whether a value was made by `op`; if so its attributes are that operation's. */
export function isOp<A extends Attributes>(value: Value, op: Op<A>): value is Value<A> {
  return value.op.name === op.name;
}
