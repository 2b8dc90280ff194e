import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { channelDot, channelSum } from "../../src/ops/channels.ts";
import { input } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { uniform } from "../golden/inputs.ts";
import { lowerings } from "../support/run-program.ts";
import { using } from "./golden-training.ts";

/**
 * Most of a Fashion-MNIST image is one flat background. Adding the same number repeatedly rounds in the same direction
 * each time, so that the error grows with the count and not with its root: batch norm's statistics must not be summed
 * pixel by pixel.
 */
const SHAPE = [8, 32, 28, 28];
/** Rows, columns and images, each summed for itself: the worst case is a rounding a term. Pixel by pixel it is 6272. */
const ROUNDINGS = (28 + 28 + 8) * 2 ** -24;

describe.each(lowerings())("sums over flat images in the $kind lowering", (lowering) => {
  test("keep float32's precision", async () => {
    const [batch, channels, height, width] = SHAPE as [number, number, number, number];
    const positions = height * width;
    const background = Float32Array.from({ length: channels }, (_, channel) => uniform(6400, channel));
    const pixels = Float32Array.from(
      { length: sizeOf(SHAPE) },
      (_, i) => background[Math.floor(i / positions) % channels]!,
    );
    const x = input("x", SHAPE);
    const outputs = { sums: channelSum(x), squares: channelDot(x, x) };
    const program = { name: "flat", feeds: [x], state: [], outputs };
    const session = await nodeRuntime.open(compile(program, lowering), { threads: 2 });
    await using(session, async () => {
      const { sums, squares } = await session.run({ x: pixels });
      const share = (received: Float32Array, exact: (pixel: number) => number) =>
        Array.from(received, (sum, channel) => sum / (batch * positions * exact(background[channel]!)));
      const ones = new Array<number>(channels).fill(1);
      expect(share(sums!, (pixel) => pixel)).toBeClose(ones, { tolerance: ROUNDINGS });
      expect(share(squares!, (pixel) => pixel ** 2)).toBeClose(ones, { tolerance: ROUNDINGS });
    });
  });
});
