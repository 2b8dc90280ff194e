import { sizeOf } from "../graph/shape.ts";
import type { MaskDeclaration } from "../nn/model.ts";
import { randomStream } from "../random.ts";

/** A mask's element takes half a random word: rates are kept to 1 part in 65,536. */
const LEVELS = 2 ** 16;

/** A dropout mask of a model: what it is fed as, and what a step's mask holds. */
export interface DropoutMask {
  /** The feed's name. */
  readonly name: string;
  /** Elements of one step's mask. */
  readonly size: number;
  /** Draws the mask of a step, from 0, into `bytes`: 1 keeps, 0 drops. The same step gives the same mask. */
  fill(step: number, bytes: Uint8Array): void;
}

/** The dropout masks of a model, drawn anew for each step from streams of their own. */
export function dropoutMasks(declarations: readonly MaskDeclaration[], seed: number): DropoutMask[] {
  return declarations.map(({ name, value, rate }, i) => {
    const dropBelow = Math.round(rate * LEVELS);
    return {
      name,
      size: sizeOf(value.shape),
      fill(step, bytes) {
        const stream = randomStream(seed, "dropout", step * declarations.length + i);
        for (let at = 0; at < bytes.length; at += 2) {
          const word = stream.uint32();
          bytes[at] = word >>> 16 >= dropBelow ? 1 : 0;
          if (at + 1 < bytes.length) bytes[at + 1] = (word & (LEVELS - 1)) >= dropBelow ? 1 : 0;
        }
      },
    };
  });
}
