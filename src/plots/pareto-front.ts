/** What is paid and what is got for it. */
interface Offer {
  readonly x: number;
  readonly accuracy: number;
}

/**
 * The points that no other beats: none is at least as good in both, small x and high accuracy, and better in one.
 * Equal points beat each other not. By increasing x.
 */
export function paretoFront<Point extends Offer>(points: readonly Point[]): Point[] {
  const byCost = [...points].sort((a, b) => a.x - b.x || b.accuracy - a.accuracy);
  const front: Point[] = [];
  for (const point of byCost) {
    const best = front.at(-1);
    const equal = best?.x === point.x && best.accuracy === point.accuracy;
    if (!best || point.accuracy > best.accuracy || equal) front.push(point);
  }
  return front;
}
