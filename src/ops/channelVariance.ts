import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import {
  alongChannels,
  channelAt,
  dotBlocked,
  planImages,
  requireChannelVectors,
  sumChannels,
  valuesPerChannel,
} from "./channels.ts";

/**
 * The biased variance of each channel: mean of (x - mean)^2 over all but the channel axis. x [N, C, H, W] or [N, C],
 * mean [C], result [C].
 *
 * Standard: as written, in two passes. Blocked: mean of x^2 minus mean^2, in one pass and never below 0. That loses
 * digits where the mean is large beside the deviation, so batch norm hands over x less its running mean.
 */
export const channelVarianceOp: Op<Record<string, never>> = {
  name: "channelVariance",
  infer([x, mean]) {
    requireChannelVectors("channelVariance", x!.shape, { mean: mean! });
    return { shape: mean!.shape };
  },
  lower: {
    standard(writer, [x, mean], { inputs }) {
      const { shape } = inputs[0]!;
      const centred = writer.node("Sub", [x, alongChannels(writer, mean!, shape)]);
      const sum = sumChannels(writer, writer.node("Mul", [centred, centred]), shape);
      return writer.node("Mul", [sum, writer.scalar(1 / valuesPerChannel(shape))]);
    },
    blocked: {
      plan: ({ inputs }, _known, block) =>
        planImages(inputs[0]!.shape, block, [blockedImages(block), CANONICAL], CANONICAL),
      emit(writer, [x, mean], { inputs }, _plan, block) {
        const { shape } = inputs[0]!;
        const meanSquare = writer.node("Mul", [
          dotBlocked(writer, x!, x!, shape, block),
          writer.scalar(1 / valuesPerChannel(shape)),
        ]);
        return writer.node("Relu", [writer.node("Sub", [meanSquare, writer.node("Mul", [mean, mean])])]);
      },
    },
  },
  reference([x, mean], { shape }) {
    const sums = new Float64Array(shape[0]!);
    const share = 1 / valuesPerChannel(x!.shape);
    x!.data.forEach((element, i) => {
      const channel = channelAt(x!.shape, i);
      sums[channel] = sums[channel]! + (element - mean!.data[channel]!) ** 2 * share;
    });
    return sums;
  },
};

export function channelVariance(x: Value, mean: Value): Value {
  return apply(channelVarianceOp, [x, mean], {});
}
