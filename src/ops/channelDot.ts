import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { channelAt, channelCount, dotBlocked, planImages, sumChannels } from "./channels.ts";

/** z[c] = sum of x * y over all but the channel axis. x and y [N, C, H, W] or [N, C], z [C]. */
export const channelDotOp: Op<Record<string, never>> = {
  name: "channelDot",
  infer([x, y]) {
    requireSameShape("channelDot", "x and y", x!.shape, y!.shape);
    return { shape: [channelCount("channelDot", x!.shape)] };
  },
  lower: {
    standard: (writer, inputs, { inputs: [x] }) => sumChannels(writer, writer.node("Mul", inputs), x!.shape),
    blocked: {
      plan: ({ inputs }, _known, block) =>
        planImages(inputs[0]!.shape, block, [blockedImages(block), blockedImages(block)], CANONICAL),
      emit: (writer, [x, y], { inputs }, _plan, block) => dotBlocked(writer, x!, y!, inputs[0]!.shape, block),
    },
  },
  reference([x, y], { shape }) {
    const sums = new Float64Array(shape[0]!);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + element * y!.data[i]!;
    });
    return sums;
  },
};

export function channelDot(x: Value, y: Value): Value {
  return apply(channelDotOp, [x, y], {});
}
