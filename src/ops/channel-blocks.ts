import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, IMAGE_AXES, requireAxes, type Shape, ShapeError } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

/**
 * Images whose last channels are zeros, so that their number fits whole blocks of the blocked layout. Compiling creates
 * these two operations (`compile/whole-blocks.ts`), after differentiation, so they have no derivatives.
 */
type ChannelAttributes = { readonly channels: number };

/** x [N, C, H, W] with channels of zeros behind its own: [N, channels, H, W]. */
export const widenChannelsOp: Op<ChannelAttributes> = {
  name: "widenChannels",
  infer([x], { channels }) {
    requireAxes("widenChannels", "x", x!.shape, IMAGE_AXES);
    if (!(channels >= x!.shape[1]!)) {
      throw new ShapeError("widenChannels", `${channels} channels are fewer than those of ${formatShape(x!.shape)}`);
    }
    return { shape: x!.shape.with(1, channels) };
  },
  lower: {
    standard: (writer, [x], { inputs, attributes: { channels } }) =>
      writer.node("Pad", [x, writer.integers([0, 0, 0, 0, 0, channels - inputs[0]!.shape[1]!, 0, 0])]),
  },
  reference: ([x], { shape }) => copyPlanes(x!, shape),
};

/** The first `channels` of x [N, C, H, W], whose others are zeros. */
export const narrowChannelsOp: Op<ChannelAttributes> = {
  name: "narrowChannels",
  infer([x], { channels }) {
    requireAxes("narrowChannels", "x", x!.shape, IMAGE_AXES);
    if (!(channels >= 1 && channels <= x!.shape[1]!)) {
      throw new ShapeError("narrowChannels", `there are no ${channels} channels in ${formatShape(x!.shape)}`);
    }
    return { shape: x!.shape.with(1, channels) };
  },
  lower: {
    standard: (writer, [x], { attributes: { channels } }) =>
      writer.node("Slice", [x, writer.integers([0]), writer.integers([channels]), writer.integers([1])]),
    blocked: {
      // The provider's operator leaves out channels of the last block only.
      plan: ({ inputs: [x], attributes: { channels } }, _known, block) =>
        Math.ceil(channels / block) * block === x!.shape[1]
          ? { inputs: [blockedImages(block)], output: CANONICAL }
          : undefined,
      emit: (writer, [x], { attributes: { channels } }) => writer.blocked("ReorderOutput", [x], { channels }),
    },
  },
  reference: ([x], { shape }) => copyPlanes(x!, shape),
};

/** x [N, C, H, W] with fewer channels, or more, which are zeros. */
function copyPlanes(x: { shape: Shape; data: Float64Array }, [batch, channels, height, width]: Shape): Float64Array {
  const plane = height! * width!;
  const [from, to] = [x.shape[1]! * plane, channels! * plane];
  const result = new Float64Array(batch! * to);
  for (let n = 0; n < batch!; n++) {
    result.set(x.data.subarray(n * from, n * from + Math.min(from, to)), n * to);
  }
  return result;
}

export function widenChannels(x: Value, channels: number): Value {
  return apply(widenChannelsOp, [x], { channels });
}

export function narrowChannels(x: Value, channels: number): Value {
  return apply(narrowChannelsOp, [x], { channels });
}
