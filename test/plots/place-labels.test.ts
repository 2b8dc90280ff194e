import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boxesOverlap,
  boxInside,
  placeLabels,
  segmentHitsBox,
  segmentsCross,
} from "../../src/plots/label-placement.ts";

const BOUNDS = { left: 0, top: 0, right: 400, bottom: 300 };
const EMPTY = { bounds: BOUNDS, boxes: [], lines: [] };
const label = (x: number, y: number, width = 50) => ({ x, y, width, height: 12, radius: 5 });

const labels = fc.array(
  fc.record({
    x: fc.integer({ min: 0, max: 400 }),
    y: fc.integer({ min: 0, max: 300 }),
    width: fc.integer({ min: 10, max: 120 }),
    height: fc.constant(12),
    radius: fc.constantFrom(4, 8),
  }),
  { minLength: 1, maxLength: 30 },
);
const point = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 300 }));
const lines = fc.array(fc.record({ from: point, to: point }), { maxLength: 3 });

describe("labels", () => {
  test("cover no label, no symbol and no line, and are inside the bounds", () => {
    fc.assert(
      fc.property(labels, lines, (requests, drawn) => {
        const boxes = [{ left: 100, top: 100, right: 140, bottom: 180 }];
        const placed = placeLabels(requests, { bounds: BOUNDS, boxes, lines: drawn }).filter(
          (one) => one !== undefined,
        );
        const symbols = requests.map(({ x, y, radius: r }) => ({
          left: x - r,
          top: y - r,
          right: x + r,
          bottom: y + r,
        }));
        for (const [i, { box, leader }] of placed.entries()) {
          expect(boxInside(box, BOUNDS)).toBe(true);
          const others = placed.slice(i + 1);
          expect([...symbols, ...boxes, ...others.map((other) => other.box)].some((b) => boxesOverlap(b, box))).toBe(
            false,
          );
          expect(drawn.some((line) => segmentHitsBox(line, box))).toBe(false);
          for (const other of others) {
            expect(leader !== undefined && segmentHitsBox(leader, other.box)).toBe(false);
            expect(other.leader !== undefined && segmentHitsBox(other.leader, box)).toBe(false);
            expect(leader && other.leader && segmentsCross(leader, other.leader)).not.toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test("are placed right of an isolated point, centred at the point's height", () => {
    expect(placeLabels([label(100, 100)], EMPTY)).toEqual([{ box: { left: 108, top: 94, right: 158, bottom: 106 } }]);
  });

  test("are placed to the left at the right edge", () => {
    expect(placeLabels([label(380, 100)], EMPTY)[0]!.box).toMatchObject({ left: 322, right: 372 });
  });

  test("are placed further away, with a leader to their point, where adjacent positions are occupied", () => {
    const wall = { left: 60, top: 70, right: 140, bottom: 130 };
    const walls = [
      { ...wall, bottom: 90 },
      { ...wall, top: 115 },
      { ...wall, right: 85 },
    ];
    // Only the label is too high to stand here: a leader finds its way above.
    const low = { left: 112, top: 101, right: 140, bottom: 115 };
    const high = { ...low, top: 90 };
    expect(placeLabels([label(100, 100)], { ...EMPTY, boxes: [...walls, low, high] })).toEqual([undefined]);
    expect(placeLabels([label(100, 100)], { ...EMPTY, boxes: [...walls, low] })).toEqual([
      { box: { left: 145, top: 94, right: 195, bottom: 106 }, leader: { from: [105, 100], to: [145, 100] } },
    ]);
  });

  test("are omitted, not drawn over others, where there is no space", () => {
    expect(placeLabels([label(10, 10, 500)], EMPTY)).toEqual([undefined]);
  });

  test("make way for one that otherwise has no adjacent position", () => {
    // A strip with room for one label between the points. The first would take it, being free to stand on its left too.
    const strip = { bounds: { left: 40, top: 41, right: 240, bottom: 59 }, boxes: [], lines: [] };
    const placed = placeLabels([label(110, 50), label(190, 50)], strip);
    expect(placed.map((place) => place?.box.left)).toEqual([52, 132]);
  });
});

describe("a segment hits a box", () => {
  const box = { left: 10, top: 10, right: 20, bottom: 20 };
  test.each([
    [[0, 0], [30, 30], true],
    [[0, 15], [30, 15], true],
    [[15, 12], [16, 13], true],
    [[0, 0], [9, 9], false],
    [[0, 19], [19, 0], false],
    [[0, 20], [20, 0], false],
    [[0, 29], [29, 0], true],
    [[10, 0], [10, 30], false],
    [[0, 5], [30, 5], false],
  ] as const)("%j to %j: %s", (from, to, hits) => {
    expect(segmentHitsBox({ from, to }, box)).toBe(hits);
    expect(segmentHitsBox({ from: to, to: from }, box)).toBe(hits);
  });

  test("if points along it are inside", () => {
    const whole = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(whole, whole, whole, whole, (x1, y1, x2, y2) => {
        const inside = Array.from({ length: 2001 }, (_, i) => i / 2000).some((way) => {
          const [x, y] = [x1 + way * (x2 - x1), y1 + way * (y2 - y1)];
          return x > 10 && x < 20 && y > 10 && y < 20;
        });
        expect(segmentHitsBox({ from: [x1, y1], to: [x2, y2] }, box)).toBe(inside);
      }),
    );
  });
});
