import { channelAffine, channelAffineOp } from "../../ops/channelAffine.ts";
import { reluOp } from "../../ops/relu.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * relu(channelAffine(x, scale, shift)) -> channelAffine(x, scale, shift, relu), where nothing else reads the inner one.
 *
 * Same numbers by definition; batch norm and ReLU then cost one pass.
 */
export const affineReluRule: Rule = {
  name: "affineRelu",
  rewrite(value, { uses }) {
    if (!isOp(value, reluOp)) return undefined;
    const affine = value.inputs[0]!;
    if (!isOp(affine, channelAffineOp) || affine.attributes.relu || uses(affine) > 1) return undefined;
    const [x, scale, shift] = affine.inputs;
    return channelAffine(x!, scale!, shift!, { relu: true });
  },
};
