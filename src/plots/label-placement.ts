/** A label to be placed near a point. Units are pixels. */
export interface LabelRequest {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Radius of the point's symbol. */
  readonly radius: number;
}

export interface PlacedLabel {
  readonly box: Box;
  /** Line from the point to a label that is not adjacent to it. */
  readonly leader?: Segment | undefined;
}

export interface LabelSurroundings {
  /** Area for labels. */
  readonly bounds: Box;
  /** Areas that labels may not cover. */
  readonly boxes: readonly Box[];
  readonly lines: readonly Segment[];
}

/** Directions in the order in which they are tried: right, left, above, below, then diagonals. */
const DIRECTIONS = [
  ...[[1, 0] as const, [-1, 0] as const, [0, -1] as const, [0, 1] as const],
  ...[[1, -1] as const, [-1, -1] as const, [1, 1] as const, [-1, 1] as const],
  ...[[0.5, -1] as const, [-0.5, -1] as const, [0.5, 1] as const, [-0.5, 1] as const],
  ...[[1, -0.5] as const, [-1, -0.5] as const, [1, 0.5] as const, [-1, 0.5] as const],
];
const BESIDE_PX = 3;
/** Distance between labels and lines. */
const CLEAR_PX = 2;
/** Distances of labels with a leader. */
const AWAY_PX = [14, 26, 40, 56, 76, 100] as const;

/** Number of rounds in which labels without an adjacent position are placed first. */
const ROUNDS = 8;
/** Penalty for a label without a position: worse than any leader. */
const NO_PLACE_PX = 10_000;

/**
 * Finds a position for each label: adjacent to its point or, where that is not possible, further away with a leader.
 * Nothing overlaps. Undefined for a label that does not fit anywhere.
 *
 * Labels are placed one after the other, in the given order at first; badly placed ones go first in the next round, and
 * the round with the shortest leaders is used.
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
  /** Boxes that a leader may not cross: all except the symbols that contain its own point. */
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

/** The leader from the symbol's edge to the nearest edge or corner of the box. */
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

/** A rectangle in pixels; y increases downwards. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Segment {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
}

/** Whether two boxes share more than an edge. */
export function boxesOverlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

export function boxInside(inner: Box, outer: Box): boolean {
  return (
    inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom
  );
}

/** Whether a segment intersects the interior of a box (Liang-Barsky clipping, 1984). */
export function segmentHitsBox({ from, to }: Segment, box: Box): boolean {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  let start = 0;
  let end = 1;
  const edges = [
    [-dx, from[0] - box.left],
    [dx, box.right - from[0]],
    [-dy, from[1] - box.top],
    [dy, box.bottom - from[1]],
  ] as const;
  for (const [step, room] of edges) {
    if (step === 0 && room <= 0) return false;
    if (step < 0) start = Math.max(start, room / step);
    if (step > 0) end = Math.min(end, room / step);
  }
  return start < end || (dx === 0 && dy === 0 && start <= end);
}

/** Whether two segments cross in their interiors. */
export function segmentsCross(a: Segment, b: Segment): boolean {
  return side(a, b.from) * side(a, b.to) < 0 && side(b, a.from) * side(b, a.to) < 0;
}

/** Signed: positive on one side of the segment's line, negative on the other. */
function side({ from, to }: Segment, [x, y]: readonly [number, number]): number {
  return (to[0] - from[0]) * (y - from[1]) - (to[1] - from[1]) * (x - from[0]);
}

/**
 * Spreads labels along an axis: as near as possible to their wanted positions, in that order, at least `distance`
 * apart, and between `low` and `high` if all fit.
 *
 * @param wanted in any order @returns a position for each
 */
export function spreadApart(wanted: readonly number[], distance: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  // After subtracting i * distance, positions only have to be non-decreasing: groups that violate this get their mean.
  const groups: { sum: number; count: number }[] = [];
  for (const [i, label] of order.entries()) {
    let group = { sum: wanted[label]! - i * distance, count: 1 };
    for (let last = groups.at(-1); last && last.sum / last.count > group.sum / group.count; last = groups.at(-1)) {
      group = { sum: group.sum + last.sum, count: group.count + last.count };
      groups.pop();
    }
    groups.push(group);
  }
  const places = groups.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
  const room = Math.max(low, high - (wanted.length - 1) * distance);
  const result = new Array<number>(wanted.length);
  for (const [i, label] of order.entries()) {
    result[label] = Math.min(Math.max(places[i]!, low), room) + i * distance;
  }
  return result;
}
