import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { channelAt, channelCount, planImages, sumBlocked, sumChannels } from "./channels.ts";

/** y[c] = sum of x over all but the channel axis: the derivative of a bias. x [N, C, H, W] or [N, C], y [C]. */
export const channelSumOp: Op<Record<string, never>> = {
  name: "channelSum",
  infer: ([x]) => ({ shape: [channelCount("channelSum", x!.shape)] }),
  lower: {
    standard: (writer, [x], { inputs }) => sumChannels(writer, x!, inputs[0]!.shape),
    blocked: {
      plan: ({ inputs }, _known, block) => planImages(inputs[0]!.shape, block, [blockedImages(block)], CANONICAL),
      emit: (writer, [x], { inputs }, _plan, block) => sumBlocked(writer, x!, inputs[0]!.shape, block),
    },
  },
  reference([x], { shape }) {
    const sums = new Float64Array(shape[0]!);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + element;
    });
    return sums;
  },
};

export function channelSum(x: Value): Value {
  return apply(channelSumOp, [x], {});
}
