import { fusedConv2d, fusedConv2dOp } from "../../ops/fusedConv2d.ts";
import { reluOp } from "../../ops/relu.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/**
 * relu(fusedConv2d(x, w, b)) -> fusedConv2d(x, w, b, relu), where nothing else reads the result before ReLU.
 *
 * Same numbers: the fused operation ends with that ReLU. ReLU's derivative reads its result only, so nothing is lost.
 */
export const convReluRule: Rule = {
  name: "convRelu",
  rewrite(value, { uses }) {
    if (!isOp(value, reluOp)) return undefined;
    const convolution = value.inputs[0]!;
    if (!isOp(convolution, fusedConv2dOp) || convolution.attributes.relu || uses(convolution) > 1) return undefined;
    const [x, weight, bias] = convolution.inputs;
    return fusedConv2d(x!, weight!, bias!, { ...convolution.attributes, relu: true });
  },
};
