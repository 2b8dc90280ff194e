/**
 * Places for labels beside a line: as near as possible to where they want to be, in that order, at least `distance`
 * apart, and between `low` and `high` if there is room for all.
 *
 * @param wanted in any order @returns a place for each
 */
export function spreadApart(wanted: readonly number[], distance: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  // Less i * distance each, labels need only not be in the wrong order: neighbours that are take their mean.
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
