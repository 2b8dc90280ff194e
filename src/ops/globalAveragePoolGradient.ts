import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { formatShape, IMAGE_AXES, requireAxes, ShapeError, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";

type SpreadAttributes = { readonly height: number; readonly width: number };

/** dx[n, c, h, w] = dy[n, c, 0, 0] / (H * W): each pixel had the same share in the mean. dy [N, C, 1, 1], dx [N, C, H, W]. */
export const globalAveragePoolGradientOp: Op<SpreadAttributes> = {
  name: "globalAveragePoolGradient",
  infer([dy], { height, width }) {
    requireAxes("globalAveragePoolGradient", "dy", dy!.shape, IMAGE_AXES);
    if (dy!.shape[2] !== 1 || dy!.shape[3] !== 1) {
      throw new ShapeError(
        "globalAveragePoolGradient",
        `dy must have one pixel a channel, got ${formatShape(dy!.shape)}`,
      );
    }
    return { shape: [dy!.shape[0]!, dy!.shape[1]!, height, width] };
  },
  lower: {
    standard(writer, [dy], { attributes: { height, width } }) {
      const plane = new Float32Array(height * width).fill(1 / (height * width));
      return writer.node("Mul", [dy, writer.floats(plane, [1, 1, height, width])]);
    },
    blocked: {
      plan: ({ shape }, _known, block) =>
        shape[1]! % block === 0 ? { inputs: [CANONICAL], output: blockedImages(block) } : undefined,
      emit(writer, [dy], { attributes: { height, width } }) {
        const share = writer.node("Mul", [dy, writer.scalar(1 / (height * width))]);
        return writer.blocked("Upsample", [share], { scales: [1, 1, height, width] });
      },
    },
  },
  reference([dy], { shape, attributes: { height, width } }) {
    const positions = height * width;
    return Float64Array.from({ length: sizeOf(shape) }, (_, i) => dy!.data[Math.floor(i / positions)]! / positions);
  },
};

export function globalAveragePoolGradient(dy: Value, attributes: SpreadAttributes): Value {
  return apply(globalAveragePoolGradientOp, [dy], attributes);
}
