import { filledWith } from "../../nn/init.ts";
import { add } from "../../ops/add.ts";
import { input } from "../../ops/input.ts";
import { type Engine, fastestRun } from "./fastest-run.ts";

/** 64 MiB an array: three of them are far more than the caches of a processor's few cores hold. */
const ELEMENTS = 2 ** 24;
const BYTES_OF_FLOAT = 4;
const RUNS = 8;

/**
 * Memory bandwidth as the engine meets it, in GB/s (10^9 bytes a second): c = a + b, two arrays read and one written,
 * without the reading of c's memory that many processors do before they write to it.
 */
export async function measureBandwidth(engine: Engine, { elements = ELEMENTS, runs = RUNS } = {}): Promise<number> {
  const [a, b] = [input("a", [elements]), input("b", [elements])];
  const program = { name: "bandwidth", feeds: [], parameters: [a, b], state: [], outputs: { sum: add(a, b) } };
  const { milliseconds } = await fastestRun(program, engine, { initialize: filledWith(1), runs });
  return (3 * elements * BYTES_OF_FLOAT) / (milliseconds * 1e6);
}
