import { sizeOf } from "../graph/shape.ts";
import type { MaskDeclaration } from "../nn/model.ts";
import { randomStream } from "../random.ts";

/** A mask's element takes half a random word: rates are kept to 1 part in 65,536. */
const LEVELS = 2 ** 16;

/** The dropout masks of a model: buffers that are drawn anew for each step, from streams of their own. */
export function dropoutMasks(declarations: readonly MaskDeclaration[], seed: number) {
  const masks = declarations.map(({ name, value, rate }) => ({
    name,
    bytes: new Uint8Array(sizeOf(value.shape)),
    dropBelow: Math.round(rate * LEVELS),
  }));
  const feeds: Readonly<Record<string, Uint8Array>> = Object.fromEntries(masks.map(({ name, bytes }) => [name, bytes]));
  return {
    /** By feed name; filled in place. */
    feeds,
    /** @param step from 0 */
    fill(step: number): void {
      masks.forEach(({ bytes, dropBelow }, i) => {
        const stream = randomStream(seed, "dropout", step * masks.length + i);
        for (let at = 0; at < bytes.length; at += 2) {
          const word = stream.uint32();
          bytes[at] = word >>> 16 >= dropBelow ? 1 : 0;
          if (at + 1 < bytes.length) bytes[at + 1] = (word & (LEVELS - 1)) >= dropBelow ? 1 : 0;
        }
      });
    },
  };
}
