import { IMAGE_AXES, imageSizes, requireAxes } from "../graph/shape.ts";
import { biasAdd } from "../ops/biasAdd.ts";
import { depthwiseConv2d as depthwiseConv2dOp } from "../ops/depthwiseConv2d.ts";
import { type Conv2dOptions, pair } from "./conv2d.ts";
import { uniformByFanIn } from "./init.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";
import { requireCount, requireOptions } from "./settings.ts";

/** As a convolution's, but the stride is 1 and there is less padding than kernel. */
export type DepthwiseConv2dOptions = Omit<Conv2dOptions, "stride">;

/**
 * Each channel convolved with a kernel of its own: [N, C, H, W] -> [N, C, P, Q]. Parameters `weight` [C, 1, kh, kw] and
 * `bias` [C]. It is PyTorch's Conv2d with as many groups as channels.
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  requireOptions("depthwiseConv2d", options, ["kernelSize", "padding", "bias"], ["kernelSize"]);
  const { kernelSize, padding = 0, bias = true } = options;
  const kernel = pair(kernelSize);
  for (const size of kernel) requireCount("depthwiseConv2d", "kernelSize", size);
  const details = [padding === 0 ? "" : `, padding ${padding}`, bias ? "" : ", no bias"];
  return {
    kind: "dwconv",
    description: `depthwise conv2d ${kernel.join("x")}${details.join("")}`,
    forward(x, context) {
      requireAxes("depthwiseConv2d", "x", x.shape, IMAGE_AXES);
      const { channels } = imageSizes(x.shape);
      const initialize = uniformByFanIn(kernel[0] * kernel[1]);
      const weight = context.parameter("weight", [channels, 1, ...kernel], initialize);
      const y = depthwiseConv2dOp(x, weight, { padding: pair(padding) });
      return bias ? biasAdd(y, context.parameter("bias", [channels], initialize)) : y;
    },
    toPytorch(x) {
      const { channels } = imageSizes(x);
      const construct = pythonCall("nn.Conv2d", [channels, channels], {
        kernel_size: [kernel],
        padding: [pair(padding), 0],
        groups: [channels],
        bias: [bias, true],
      });
      return { kind: "module", construct };
    },
  };
}
