import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { alongChannels, channelAt, planImages, requireChannelVectors, scaleBlocked } from "./channels.ts";

/**
 * z = x * a + y * b + c with a, b and c of the channel: the form that batch norm's derivative takes. x and y
 * [N, C, H, W] or [N, C]; a, b, c [C].
 */
export const channelCombineOp: Op<Record<string, never>> = {
  name: "channelCombine",
  infer([x, y, a, b, c]) {
    requireSameShape("channelCombine", "x and y", x!.shape, y!.shape);
    requireChannelVectors("channelCombine", x!.shape, { a: a!, b: b!, c: c! });
    return { shape: x!.shape };
  },
  lower: {
    standard(writer, [x, y, a, b, c], { shape }) {
      const scaledX = writer.node("Mul", [x, alongChannels(writer, a!, shape)]);
      const scaledY = writer.node("Mul", [y, alongChannels(writer, b!, shape)]);
      return writer.node("Add", [writer.node("Add", [scaledX, scaledY]), alongChannels(writer, c!, shape)]);
    },
    blocked: {
      plan({ shape }, _known, block) {
        const images = blockedImages(block);
        return planImages(shape, block, [images, images, CANONICAL, CANONICAL, CANONICAL], images);
      },
      emit(writer, [x, y, a, b, c], { shape }) {
        const channels = shape[1]!;
        const sum = scaleBlocked(writer, y!, channels, b!, { shift: c! });
        return scaleBlocked(writer, x!, channels, a!, { sum });
      },
    },
  },
  reference: ([x, y, a, b, c], { shape }) =>
    x!.data.map((element, i) => {
      const channel = channelAt(shape, i);
      return element * a!.data[channel]! + y!.data[i]! * b!.data[channel]! + c!.data[channel]!;
    }),
};

export function channelCombine(x: Value, y: Value, a: Value, b: Value, c: Value): Value {
  return apply(channelCombineOp, [x, y, a, b, c], {});
}
