import { biasAddOp } from "../../ops/biasAdd.ts";
import { conv2dOp } from "../../ops/conv2d.ts";
import { fusedConv2d } from "../../ops/fusedConv2d.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * biasAdd(conv2d(x, w), b) -> fusedConv2d(x, w, b), where nothing else reads the bare convolution.
 *
 * Same numbers: the fused operation is defined as that sum. It saves a pass over the result.
 */
export const convBiasRule: Rule = {
  name: "convBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [convolution, bias] = value.inputs;
    if (!isOp(convolution!, conv2dOp) || uses(convolution) > 1) return undefined;
    const [x, weight] = convolution.inputs;
    return fusedConv2d(x!, weight!, bias!, { ...convolution.attributes, relu: false });
  },
};
