import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spreadApart } from "../../src/plots/label-placement.ts";

const wishes = fc.array(fc.double({ min: -50, max: 450, noNaN: true }), { minLength: 1, maxLength: 12 });

describe("labels spread apart", () => {
  test("keep their order, their distance and, if they fit, the bounds", () => {
    fc.assert(
      fc.property(wishes, (wanted) => {
        const places = spreadApart(wanted, 16, 0, 400);
        const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
        const sorted = order.map((i) => places[i]!);
        for (const [i, place] of sorted.entries()) {
          expect(place).toBeGreaterThanOrEqual(0);
          expect(place).toBeLessThanOrEqual(400);
          if (i > 0) expect(place - sorted[i - 1]!).toBeGreaterThanOrEqual(16 - 1e-9);
        }
      }),
    );
  });

  test("do not move when they are far enough apart", () => {
    expect(spreadApart([100, 20, 60], 16, 0, 400)).toEqual([100, 20, 60]);
  });

  test("that collide move by equal amounts", () => {
    expect(spreadApart([100, 100], 16, 0, 400)).toEqual([92, 108]);
    expect(spreadApart([104, 100, 102], 16, 0, 400)).toEqual([118, 86, 102]);
  });

  test("push chains of others", () => {
    expect(spreadApart([0, 0, 20], 16, -100, 400)).toEqual([-28 / 3, 20 / 3, 68 / 3].map((x) => expect.closeTo(x, 9)));
  });
});
