import { maxPool2dGradient, maxPool2dGradientOp } from "../../ops/maxPool2dGradient.ts";
import { reluGradient, reluGradientOp } from "../../ops/reluGradient.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * reluGradient(y, maxPool2dGradient(y, p, dp)) -> maxPool2dGradient(y, p, reluGradient(p, dp))
 *
 * Same numbers: the pool passes dp only to pixels where y equals the window's maximum p, and there y > 0 exactly when
 * p > 0. So the mask can be applied to the pooled gradient, a quarter of the size for a 2x2 window.
 */
export const reluBeforePoolRule: Rule = {
  name: "reluBeforePool",
  rewrite(value) {
    if (!isOp(value, reluGradientOp)) return undefined;
    const [y, spread] = value.inputs;
    if (!isOp(spread!, maxPool2dGradientOp) || spread.inputs[0] !== y) return undefined;
    const [, pooled, dpooled] = spread.inputs;
    return maxPool2dGradient(y!, pooled!, reluGradient(pooled!, dpooled!), spread.attributes);
  },
};
