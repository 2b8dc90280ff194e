import type { Value } from "../../graph/value.ts";
import { filledWith } from "../../nn/init.ts";
import { add } from "../../ops/add.ts";
import { channelSum } from "../../ops/channelSum.ts";
import { input } from "../../ops/input.ts";
import { type Engine, fastestRun } from "./fastest-run.ts";

/** 64 MiB an array: three of them are far more than the caches of a processor's few cores hold. */
const ROWS = 2 ** 12;
const COLUMNS = 2 ** 12;
const CHAIN_LENGTH = 8;
const BYTES_OF_FLOAT = 4;
const RUNS = 8;

/**
 * Memory bandwidth as the engine meets it, in GB/s (10^9 bytes a second): a chain of c = c + b, two arrays read and one
 * written each, without the reading of c's memory that many processors do before they write to it; then c is read once and
 * summed up. So no large array leaves the engine: a fresh one would be paid for page by page, which is no bandwidth.
 */
export async function measureBandwidth(
  engine: Engine,
  { rows = ROWS, columns = COLUMNS, runs = RUNS } = {},
): Promise<number> {
  const [a, b] = [input("a", [rows, columns]), input("b", [rows, columns])];
  let sum: Value = a;
  for (let i = 0; i < CHAIN_LENGTH; i++) sum = add(sum, b);
  const program = { name: "bandwidth", feeds: [], parameters: [a, b], state: [], outputs: { sums: channelSum(sum) } };
  const { milliseconds } = await fastestRun(program, engine, { initialize: filledWith(1), runs });
  return ((3 * CHAIN_LENGTH + 1) * rows * columns * BYTES_OF_FLOAT) / (milliseconds * 1e6);
}
