import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { channelDot } from "./channelDot.ts";
import { channelSum } from "./channelSum.ts";
import { alongChannels, channelAt, planImages, requireChannelVectors, scaleBlocked } from "./channels.ts";
import { constant } from "./constant.ts";
import { multiply } from "./multiply.ts";
import { subtract } from "./subtract.ts";

type AffineAttributes = { readonly relu: boolean };

/**
 * y = x * scale + shift of the channel, then ReLU when `relu`: batch norm once its statistics are known. x [N, C, H, W]
 * or [N, C], scale and shift [C]. Without ReLU the derivatives are dy * scale, the sum of dy * x, and the sum of dy;
 * with ReLU it is made by fusion, after gradients are taken, and has none.
 */
export const channelAffineOp: Op<AffineAttributes> = {
  name: "channelAffine",
  infer([x, scale, shift]) {
    requireChannelVectors("channelAffine", x!.shape, { scale: scale!, shift: shift! });
    return { shape: x!.shape };
  },
  gradient({ inputs: [x, scale, shift], attributes }, dy) {
    if (attributes.relu) throw new Error("channelAffine with relu is a fused form: gradients are taken before fusion");
    const none = subtract(shift!, shift!);
    return [channelAffine(dy, scale!, multiply(none, constant(0))), channelDot(dy, x!), channelSum(dy)];
  },
  lower: {
    standard(writer, [x, scale, shift], { shape, attributes }) {
      const scaled = writer.node("Mul", [x, alongChannels(writer, scale!, shape)]);
      const y = writer.node("Add", [scaled, alongChannels(writer, shift!, shape)]);
      return attributes.relu ? writer.node("Relu", [y]) : y;
    },
    blocked: {
      plan: ({ shape }, [known], block) =>
        known?.name === blockedImages(block).name
          ? planImages(shape, block, [blockedImages(block), CANONICAL, CANONICAL], blockedImages(block))
          : undefined,
      emit: (writer, [x, scale, shift], { shape, attributes }) =>
        scaleBlocked(writer, x!, shape[1]!, scale!, { shift: shift!, relu: attributes.relu }),
    },
  },
  reference: ([x, scale, shift], { shape, attributes }) =>
    x!.data.map((element, i) => {
      const channel = channelAt(shape, i);
      const y = element * scale!.data[channel]! + shift!.data[channel]!;
      return attributes.relu ? Math.max(y, 0) : y;
    }),
};

export function channelAffine(
  x: Value,
  scale: Value,
  shift: Value,
  attributes: AffineAttributes = { relu: false },
): Value {
  return apply(channelAffineOp, [x, scale, shift], attributes);
}
