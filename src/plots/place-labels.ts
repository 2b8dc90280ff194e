import { type Box, boxesOverlap, boxInside, type Segment, segmentHitsBox, segmentsCross } from "./boxes.ts";

/** A label that wants to stand by a point. In pixels. */
export interface LabelRequest {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How far the point's symbol goes. */
  readonly radius: number;
}

export interface PlacedLabel {
  readonly box: Box;
  /** From the point to a label that does not stand right beside it. */
  readonly leader?: Segment | undefined;
}

export interface LabelSurroundings {
  /** Where labels may stand. */
  readonly bounds: Box;
  /** What they may not cover. */
  readonly boxes: readonly Box[];
  readonly lines: readonly Segment[];
}

/** Right, left, above, below, then in between: the order in which places are tried. */
const DIRECTIONS = [
  ...[[1, 0] as const, [-1, 0] as const, [0, -1] as const, [0, 1] as const],
  ...[[1, -1] as const, [-1, -1] as const, [1, 1] as const, [-1, 1] as const],
  ...[[0.5, -1] as const, [-0.5, -1] as const, [0.5, 1] as const, [-0.5, 1] as const],
  ...[[1, -0.5] as const, [-1, -0.5] as const, [1, 0.5] as const, [-1, 0.5] as const],
];
const BESIDE_PX = 3;
/** Between labels and lines. */
const CLEAR_PX = 2;
/** Further away, with a leader. */
const AWAY_PX = [14, 26, 40, 56, 76, 100] as const;

/** How often labels that found no place beside their points are tried again before the others. */
const ROUNDS = 8;
/** A label without a place is worse than any leader. */
const NO_PLACE_PX = 10_000;

/**
 * Finds a place for each label: beside its point or, where all places beside it are taken, further away with a leader.
 * Nothing covers anything. Undefined where nothing is free.
 *
 * Labels take their places one after the other, in the given order at first; those that come off badly go first in the
 * next round, and the round with the shortest leaders is kept.
 */
export function placeLabels(
  labels: readonly LabelRequest[],
  surroundings: LabelSurroundings,
): (PlacedLabel | undefined)[] {
  const symbols = labels.map(({ x, y, radius }) => around(x, y, radius));
  const scene = { ...surroundings, boxes: [...surroundings.boxes, ...symbols] };
  let order = labels.map((_, i) => i);
  let best: { readonly places: Map<number, PlacedLabel>; readonly loss: number } | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const places = placeInOrder(labels, order, scene);
    const losses = labels.map((_, i) => lossOf(places.get(i)));
    const loss = losses.reduce((sum, one) => sum + one, 0);
    if (!best || loss < best.loss) best = { places, loss };
    if (loss === 0) break;
    order = [...order.filter((i) => losses[i]! > 0), ...order.filter((i) => losses[i] === 0)];
  }
  return labels.map((_, i) => best?.places.get(i));
}

function lossOf(place: PlacedLabel | undefined): number {
  if (!place) return NO_PLACE_PX;
  const { leader } = place;
  return leader ? 1 + Math.hypot(leader.to[0] - leader.from[0], leader.to[1] - leader.from[1]) : 0;
}

function placeInOrder(
  labels: readonly LabelRequest[],
  order: readonly number[],
  { bounds, boxes, lines }: LabelSurroundings,
): Map<number, PlacedLabel> {
  const taken = [...boxes];
  const leaders: Segment[] = [];
  const covers = (box: Box) =>
    taken.some((other) => boxesOverlap(box, other)) ||
    [...lines, ...leaders].some((line) => segmentHitsBox(line, grown(box, CLEAR_PX)));
  /** What a leader may not pass: all but the symbols that its own point lies in. */
  const inTheWay = ({ x, y }: LabelRequest) => taken.filter((box) => !boxesOverlap(box, around(x, y, 0.5)));

  const find = (label: LabelRequest): PlacedLabel | undefined => {
    for (const distance of [BESIDE_PX, ...AWAY_PX]) {
      for (const [right, down] of DIRECTIONS) {
        const box = boxAt(label, right, down, distance);
        if (!boxInside(box, bounds) || covers(box)) continue;
        if (distance === BESIDE_PX) return { box };
        const leader = leaderTo(box, label);
        if (inTheWay(label).some((other) => segmentHitsBox(leader, other))) continue;
        if (!leaders.some((other) => segmentsCross(leader, other))) return { box, leader };
      }
    }
    return undefined;
  };

  const places = new Map<number, PlacedLabel>();
  for (const i of order) {
    const place = find(labels[i]!);
    if (!place) continue;
    places.set(i, place);
    taken.push(place.box);
    if (place.leader) leaders.push(place.leader);
  }
  return places;
}

function boxAt({ x, y, width, height, radius }: LabelRequest, right: number, down: number, distance: number): Box {
  const reach = radius + distance * (Math.abs(right * down) === 1 ? Math.SQRT1_2 : 1);
  const left = x + right * reach + ((right - 1) / 2) * width;
  const top = y + down * reach + ((down - 1) / 2) * height;
  return { left, top, right: left + width, bottom: top + height };
}

/** From the symbol's edge to the nearest edge or corner of the box. */
function leaderTo(box: Box, { x, y, radius }: LabelRequest): Segment {
  const to = [Math.min(Math.max(x, box.left), box.right), Math.min(Math.max(y, box.top), box.bottom)] as const;
  const share = radius / Math.hypot(to[0] - x, to[1] - y);
  return { from: [x + share * (to[0] - x), y + share * (to[1] - y)], to };
}

function around(x: number, y: number, radius: number): Box {
  return grown({ left: x, top: y, right: x, bottom: y }, radius);
}

function grown({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}
