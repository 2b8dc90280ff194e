import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { channelSum } from "./channelSum.ts";
import { alongChannels, channelAt, planImages, requireChannelVectors, scaleBlocked } from "./channels.ts";

/** y = x + bias of the channel. x [N, C, H, W] or [N, C], bias [C]. The derivative of bias is dy summed per channel. */
export const biasAddOp: Op<Record<string, never>> = {
  name: "biasAdd",
  infer([x, bias]) {
    requireChannelVectors("biasAdd", x!.shape, { bias: bias! });
    return { shape: x!.shape };
  },
  gradient: (_value, dy) => [dy, channelSum(dy)],
  lower: {
    standard: (writer, [x, bias], { shape }) => writer.node("Add", [x, alongChannels(writer, bias!, shape)]),
    blocked: {
      plan: ({ shape }, [known], block) =>
        known?.name === blockedImages(block).name
          ? planImages(shape, block, [blockedImages(block), CANONICAL], blockedImages(block))
          : undefined,
      emit(writer, [x, bias], { shape }) {
        const ones = writer.floats(new Float32Array(shape[1]!).fill(1), [shape[1]!]);
        return scaleBlocked(writer, x!, shape[1]!, ones, { shift: bias! });
      },
    },
  },
  reference: ([x, bias], { shape }) => x!.data.map((element, i) => element + bias!.data[channelAt(shape, i)]!),
};

export function biasAdd(x: Value, bias: Value): Value {
  return apply(biasAddOp, [x, bias], {});
}
