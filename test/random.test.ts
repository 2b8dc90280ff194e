import { describe, expect, test } from "vitest";
import { philox4x32, randomStream, shuffle } from "../src/random.ts";

describe("philox4x32", () => {
  // Known-answer vectors of the Random123 distribution (kat_vectors, philox4x32 10).
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("counter %j under key %j gives the published block", (counter, key, expected) => {
    const out = new Uint32Array(4);
    philox4x32(Uint32Array.from(counter), Uint32Array.from(key), out);
    expect([...out]).toEqual(expected);
  });
});

describe("randomStream", () => {
  test("the same seed, purpose and index give the same numbers; another of any gives others", () => {
    const draw = (seed: number, purpose: "init" | "augment", index: number) => {
      const stream = randomStream(seed, purpose, index);
      return Array.from({ length: 9 }, () => stream.uint32());
    };
    expect(draw(1, "init", 0)).toEqual(draw(1, "init", 0));
    expect(
      new Set([draw(1, "init", 0), draw(2, "init", 0), draw(1, "augment", 0), draw(1, "init", 1)].flat()).size,
    ).toBe(36);
    expect(draw(2 ** 32 + 1, "init", 0)).not.toEqual(draw(1, "init", 0));
  });

  test("below() is uniform: chi-square of 7 cells over 70,000 draws stays under the 0.1 % point", () => {
    const stream = randomStream(7, "shuffle");
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[stream.below(7)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(22.46);
  });

  test("a seed that is not a whole number from 0 up is refused by name", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => randomStream(seed, "init")).toThrow(/seed must be an integer from 0 to 2\^53 - 1/);
    }
  });

  test("shuffle keeps every item once", () => {
    const items = Uint32Array.from({ length: 1000 }, (_, i) => i);
    shuffle(items, randomStream(3, "shuffle"));
    expect([...items]).not.toEqual([...items].sort((a, b) => a - b));
    expect(new Set(items).size).toBe(1000);
  });
});
