import { blockedImages, CANONICAL } from "../graph/layout.ts";
import { IMAGE_AXES, imageSizes, requireAxes, sizeOf } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { globalAveragePoolGradient } from "./globalAveragePoolGradient.ts";

/** y[n, c, 0, 0] = the mean of x[n, c]. x [N, C, H, W], y [N, C, 1, 1]. Each pixel's derivative is dy / (H * W). */
export const globalAveragePoolOp: Op<Record<string, never>> = {
  name: "globalAveragePool",
  infer([x]) {
    requireAxes("globalAveragePool", "x", x!.shape, IMAGE_AXES);
    return { shape: [x!.shape[0]!, x!.shape[1]!, 1, 1] };
  },
  gradient: ({ inputs: [x] }, dy) => [globalAveragePoolGradient(dy, { height: x!.shape[2]!, width: x!.shape[3]! })],
  lower: {
    standard: (writer, [x]) => writer.node("GlobalAveragePool", [x]),
    blocked: {
      // With one pixel a channel, blocked and canonical order are the same.
      plan: ({ shape }, [known], block) =>
        shape[1]! % block === 0 && known?.name === blockedImages(block).name
          ? { inputs: [known], output: CANONICAL }
          : undefined,
      emit: (writer, [x]) => writer.blocked("GlobalAveragePool", [x]),
    },
  },
  reference([x], { shape }) {
    const { height, width } = imageSizes(x!.shape);
    const y = new Float64Array(sizeOf(shape));
    x!.data.forEach((pixel, i) => {
      const plane = Math.floor(i / (height * width));
      y[plane] = y[plane]! + pixel / (height * width);
    });
    return y;
  },
};

export function globalAveragePool(x: Value): Value {
  return apply(globalAveragePoolOp, [x], {});
}
