import type { CompiledProgram } from "../compile/compile.ts";
import { tracingRuntime } from "../runtime/node/profiling.ts";
import { type GpuTrace, readGpuTrace } from "../runtime/trace.ts";
import { gpuRuntime } from "../runtime/webgpu/node/index.ts";
import { openTraining, type TrainingJob } from "../training/train.ts";
import { purposeFinder } from "./profile.ts";

/** What a kind of operation asks of the GPU in a step. */
export interface GpuKind {
  /** An operation's name, `layout change` or `optimizer`. */
  readonly kind: string;
  readonly launches: number;
  readonly bytes: number;
}

/** What a training step asks of the GPU, by ONNX Runtime's profile; independent of the GPU's speed. */
export interface GpuWork {
  /** Launches of kernels. */
  readonly launches: number;
  /** Inputs and outputs of all nodes that launch a kernel: what has to be moved at least between them. */
  readonly bytes: number;
  /** Nodes that ran on the processor: there should be none. */
  readonly processorNodes: number;
  /** Most launches first. */
  readonly byKind: readonly GpuKind[];
}

/** Steps that are traced: the first also allocates memory and compiles, which is no work of a step. */
const STEPS = 2;

/**
 * Does a training's first steps on the GPU and counts their work.
 *
 * @throws UserError when there is no GPU that works
 */
export async function gpuWork(job: Omit<TrainingJob, "runtime">): Promise<GpuWork> {
  let traced: { program: CompiledProgram; trace: GpuTrace } | undefined;
  const training = await openTraining({
    ...job,
    runtime: gpuTracingRuntime((program, trace) => {
      traced = { program, trace };
    }),
  });
  try {
    training.begin();
    for (let step = 0; step < STEPS; step++) {
      await training.session.run(training.feeds.fill(step, [job.recipe.learningRate]));
    }
  } finally {
    await training.session.release();
  }
  if (!traced) throw new Error("the session was released without a trace");
  return workOf(traced.program, traced.trace);
}

/** The GPU's runtime, whose sessions are traced. */
export function gpuTracingRuntime(onTrace: (program: CompiledProgram, trace: GpuTrace) => void) {
  return tracingRuntime(
    gpuRuntime(),
    (program, options, session) => gpuRuntime({ session }).open(program, options),
    (program, trace) => onTrace(program, readGpuTrace(trace)),
  );
}

/** Sums of a trace, per run. */
export function workOf(program: CompiledProgram, { runs, nodes, launches }: GpuTrace): GpuWork {
  const purposeOf = purposeFinder(program);
  const kinds = new Map<string, { kind: string; launches: number; bytes: number }>();
  const kindAt = (node: string, operator: string) => {
    const { kind } = purposeOf({ node, operator, milliseconds: 0 });
    const known = kinds.get(kind) ?? { kind, launches: 0, bytes: 0 };
    kinds.set(kind, known);
    return known;
  };
  const operatorOf = new Map(nodes.map(({ node, operator }) => [node, operator]));
  for (const { node } of launches) kindAt(node, operatorOf.get(node) ?? "").launches += 1 / runs;
  const launching = new Set(launches.map(({ node }) => node));
  for (const { node, operator, bytes } of nodes) if (launching.has(node)) kindAt(node, operator).bytes += bytes / runs;
  return {
    launches: launches.length / runs,
    bytes: [...kinds.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    processorNodes: nodes.filter(({ provider }) => provider === "CPUExecutionProvider").length / runs,
    byKind: [...kinds.values()].sort((a, b) => b.launches - a.launches),
  };
}
