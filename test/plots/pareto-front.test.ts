import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { paretoFront } from "../../src/plots/cost.ts";

const offer = fc.record({ x: fc.integer({ min: 1, max: 12 }), accuracy: fc.integer({ min: 0, max: 12 }) });

/** The definition, point by point. */
function frontByDefinition(points: readonly { x: number; accuracy: number }[]) {
  return points.filter(
    (point) =>
      !points.some(
        (other) =>
          other.x <= point.x &&
          other.accuracy >= point.accuracy &&
          (other.x < point.x || other.accuracy > point.accuracy),
      ),
  );
}

describe("the Pareto front", () => {
  test("contains exactly the points that no other dominates, for any set of points", () => {
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 40 }), (points) => {
        const front = paretoFront(points);
        expect(new Set(front)).toEqual(new Set(frontByDefinition(points)));
        expect(front.length).toBe(frontByDefinition(points).length);
        for (const [i, point] of front.entries()) {
          expect(point.x).toBeGreaterThanOrEqual(front[i - 1]?.x ?? 0);
          expect(points).toContain(point);
        }
      }),
    );
  });

  test("does not modify its input", () => {
    const points = [
      { x: 3, accuracy: 0.9 },
      { x: 1, accuracy: 0.8 },
      { x: 2, accuracy: 0.7 },
    ];
    expect(paretoFront(points)).toEqual([points[1], points[0]]);
    expect(points.map(({ x }) => x)).toEqual([3, 1, 2]);
  });
});
