import { channelSum, channelSumOp } from "../../ops/channelSum.ts";
import { maxPool2dGradientOp } from "../../ops/maxPool2dGradient.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * channelSum(maxPool2dGradient(x, y, dy)) -> channelSum(dy)
 *
 * Same numbers: a window's pixels share dy, so they sum to it. A bias gradient below a pool is summed at pooled size.
 */
export const sumOfPoolGradientRule: Rule = {
  name: "sumOfPoolGradient",
  rewrite(value) {
    if (!isOp(value, channelSumOp)) return undefined;
    const spread = value.inputs[0]!;
    return isOp(spread, maxPool2dGradientOp) ? channelSum(spread.inputs[2]!) : undefined;
  },
};
