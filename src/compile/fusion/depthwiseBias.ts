import { biasAddOp } from "../../ops/biasAdd.ts";
import { depthwiseConv2d, depthwiseConv2dOp } from "../../ops/depthwiseConv2d.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * biasAdd(depthwiseConv2d(x, w), b) -> depthwiseConv2d(x, w, b), where nothing else reads the bare convolution.
 *
 * Same numbers: the operation with a bias is that sum. It saves a pass over the result.
 */
export const depthwiseBiasRule: Rule = {
  name: "depthwiseBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [convolution, bias] = value.inputs;
    if (!isOp(convolution!, depthwiseConv2dOp) || convolution.inputs.length > 2 || uses(convolution) > 1)
      return undefined;
    const [x, weight] = convolution.inputs;
    return depthwiseConv2d(x!, weight!, { ...convolution.attributes, bias: bias! });
  },
};
