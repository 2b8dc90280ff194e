import { sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { add, addOp, multiply, multiplyOp } from "../ops/elementwise.ts";
import { constant, constantOp } from "../ops/leaves.ts";
import { repeat } from "../ops/reduce.ts";
import { concat } from "../ops/reshape.ts";
import { jointly } from "../optim/update-parameters.ts";

/** A buffer and its value after a step. */
interface Update {
  readonly value: Value;
  readonly next: Value;
}

/** An update of the form keep * buffer + share * batch. */
interface RunningAverage {
  readonly keep: number;
  readonly batch: Value;
  readonly share: number;
}

/**
 * The same updates with those of running averages (batch norm's statistics) computed as one long vector: a dozen vectors
 * of a few channels take longer to launch than to compute on a GPU. The results have the same bits.
 */
export function averageTogether<One extends Update>(updates: readonly One[]): One[] {
  const averages = updates.flatMap((update) => {
    const average = averageOf(update);
    return average ? [{ update, ...average }] : [];
  });
  if (averages.length < 2) return [...updates];
  const each = (factorOf: (average: RunningAverage) => number) =>
    concat(averages.map((average) => repeat(constant(factorOf(average)), [sizeOf(average.batch.shape)])));
  const [keep, share] = [each((average) => average.keep), each((average) => average.share)];
  const moved = jointly(
    averages.map(({ update, batch }) => [update.value, batch]),
    ([before, batch]) => [add(multiply(before!, keep), multiply(batch!, share))],
  );
  const together = new Map(averages.map(({ update }, i) => [update, moved[i]![0]!]));
  return updates.map((update) => ({ ...update, next: together.get(update) ?? update.next }));
}

/** What an update averages; undefined if it is something else. */
function averageOf({ value, next }: Update): RunningAverage | undefined {
  if (next.op !== addOp) return undefined;
  const [before, batch] = next.inputs.map(scaledBy);
  if (before!.of !== value || batch!.of.shape.join() !== value.shape.join()) return undefined;
  return { keep: before!.factor, batch: batch!.of, share: batch!.factor };
}

/** A value as a constant times another. */
function scaledBy(value: Value): { of: Value; factor: number } {
  const [of, factor] = value.op === multiplyOp ? value.inputs : [];
  if (of === undefined || factor?.op !== constantOp) return { of: value, factor: 1 };
  return { of, factor: factor.attributes.value as number };
}
