import { type CompiledProgram, compile } from "../../compile/compile.ts";
import type { Lowering, Program } from "../../compile/program.ts";
import type { Initializer } from "../../nn/init.ts";
import { randomStream } from "../../random.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/** Where something is measured. */
export interface Engine {
  readonly runtime: Runtime;
  readonly lowering: Lowering;
  readonly threads: number;
}

const WARM_UP_RUNS = 2;

/**
 * Runs a program that has parameters only, some times over, and takes the fastest run: what the machine can do, when
 * nothing else holds it up.
 *
 * @param initialize gives each parameter its numbers
 * @param runs to time, after two to warm up
 */
export async function fastestRun(
  program: Program,
  { runtime, lowering, threads }: Engine,
  { initialize, runs }: { readonly initialize: Initializer; readonly runs: number },
): Promise<{ compiled: CompiledProgram; milliseconds: number }> {
  const compiled = compile(program, lowering);
  const session = await runtime.open(compiled, { threads });
  try {
    session.load(
      new Map(compiled.parameters.map(({ name, shape }, i) => [name, initialize(shape, randomStream(0, "init", i))])),
    );
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let run = -WARM_UP_RUNS; run < runs; run++) {
      const started = performance.now();
      await session.run({});
      if (run >= 0) milliseconds = Math.min(milliseconds, performance.now() - started);
    }
    return { compiled, milliseconds };
  } finally {
    await session.release();
  }
}
