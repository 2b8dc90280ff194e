import { type CompiledOperation, type CompiledProgram, LAYOUT_CHANGE } from "../compile/compile.ts";
import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { imageTask, normalizationOf, trainingData } from "../data/training-data.ts";
import type { Origin, Pass } from "../graph/origin.ts";
import { openTrainingRun, type Run } from "../runs/node/run-files.ts";
import { openRunFolder } from "../runs/node/run-folder.ts";
import { readRecipe } from "../runs/node/run-recipe.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { type EngineProfile, profilingRuntime } from "../runtime/node/profiling.ts";
import type { EngineRun, NodeTime } from "../runtime/trace.ts";
import type { TrainingJob } from "../training/train.ts";
import { type TimedRun, timeSteps, totalOf } from "./time-steps.ts";

/**
 * Time by kind of operation. Times are milliseconds per step, means over the profiled steps; shares are of the step, 0
 * to 1.
 */
export interface KindTime {
  /** An operation's name, `layout change`, `optimizer`, or one of the two kinds below for time outside nodes. */
  readonly kind: string;
  readonly milliseconds: number;
  readonly share: number;
  /** Of its convolutions and matrix products, counting two operations per multiply-add; null where there are none. */
  readonly gflops: number | null;
}

export interface LayerTime {
  /** A layer's name, `pixels`, `loss`, or a kind that belongs to no layer. */
  readonly layer: string;
  /** Null for time that belongs to no layer, and so to no pass. */
  readonly forward: number | null;
  readonly backward: number | null;
  readonly update: number | null;
  readonly milliseconds: number;
  readonly share: number;
}

/** Time breakdown of a training step. Both lists sum to `stepMilliseconds`. */
export interface StepProfile {
  readonly steps: number;
  /** Duration of a step, including batch preparation and the profiler's overhead. */
  readonly stepMilliseconds: number;
  /** Per step: forward pass and both derivatives of each product. */
  readonly multiplyAdds: number;
  /** Longest first, then the time outside of nodes. */
  readonly byKind: readonly KindTime[];
  /** In order of execution, then the time that belongs to no layer. */
  readonly byLayer: readonly LayerTime[];
}

/** Time inside the engine's runs but outside its nodes: scheduling, memory, and writing down the profile. */
export const BETWEEN_NODES = "engine, between nodes";
/** Time outside the engine's runs: batches, masks, feeds, the loop itself. */
export const AROUND_ENGINE = "loop around the engine";
/** Nodes inserted by ONNX Runtime, and copies of outputs. */
const NO_LAYER = "nodes of no layer";

/**
 * Summarizes the profile of the last steps.
 *
 * @param allRuns of the engine, including the warm-up
 * @param timed the runs to count, the last ones
 */
export function stepProfile(
  program: CompiledProgram,
  allRuns: readonly EngineRun[],
  timed: readonly TimedRun[],
): StepProfile {
  if (timed.length === 0 || allRuns.length < timed.length)
    throw new Error(`the profile has ${allRuns.length} of ${timed.length} runs`);
  const runs = allRuns.slice(-timed.length);
  const { steps, milliseconds } = totalOf(timed);
  const stepMilliseconds = milliseconds / steps;
  const purposeOf = purposeFinder(program);
  const times = runs.flatMap(({ nodes }) =>
    nodes.map((node) => ({ ...purposeOf(node), milliseconds: node.milliseconds / steps })),
  );
  const inRuns = sum(runs.map(({ milliseconds }) => milliseconds)) / steps;
  const outside = [
    { name: BETWEEN_NODES, milliseconds: inRuns - sum(times.map(({ milliseconds }) => milliseconds)) },
    { name: AROUND_ENGINE, milliseconds: stepMilliseconds - inRuns },
  ].map((row) => ({ ...row, share: row.milliseconds / stepMilliseconds }));
  return {
    steps,
    stepMilliseconds,
    multiplyAdds: sum(program.operations.map(({ multiplyAdds }) => multiplyAdds)),
    byKind: [
      ...kindTimes(program, times, stepMilliseconds),
      ...outside.map(({ name, ...rest }) => ({ kind: name, ...rest, gflops: null })),
    ],
    byLayer: [
      ...layerTimes(program, times, stepMilliseconds),
      ...outside.map(({ name, ...rest }) => ({ layer: name, forward: null, backward: null, update: null, ...rest })),
    ],
  };
}

/** GFLOP/s: 10^9 operations per second; a multiply-add counts as two, as is usual. */
export function gflops(multiplyAdds: number, milliseconds: number): number {
  return (2 * multiplyAdds) / (milliseconds * 1e6);
}

type PurposeTime = NodePurpose & { readonly milliseconds: number };

function kindTimes({ operations }: CompiledProgram, times: readonly PurposeTime[], step: number): KindTime[] {
  const multiplyAdds = totals(operations.map((operation) => [kindOf(operation), operation.multiplyAdds]));
  return [...totals(times.map(({ kind, milliseconds }) => [kind, milliseconds]))]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, milliseconds]) => {
      const products = multiplyAdds.get(kind) ?? 0;
      const speed = products > 0 && milliseconds > 0 ? gflops(products, milliseconds) : null;
      return { kind, milliseconds, share: milliseconds / step, gflops: speed };
    });
}

function layerTimes({ layers }: CompiledProgram, times: readonly PurposeTime[], step: number): LayerTime[] {
  const keyOf = (layer: string, pass: Pass) => `${layer} ${pass}`;
  const ofLayers = times.flatMap(({ origin, milliseconds }) => (origin ? [{ origin, milliseconds }] : []));
  const byPass = totals(ofLayers.map(({ origin, milliseconds }) => [keyOf(origin.layer, origin.pass), milliseconds]));
  const named = new Set(ofLayers.map(({ origin }) => origin.layer));
  const rows = layers
    .filter((layer) => named.has(layer))
    .map((layer) => {
      const time = (pass: Pass) => byPass.get(keyOf(layer, pass)) ?? 0;
      const passes = { forward: time("forward"), backward: time("backward"), update: time("update") };
      return { layer, ...passes, milliseconds: sum(Object.values(passes)) };
    });
  const rest = sum(times.filter(({ origin }) => !origin).map(({ milliseconds }) => milliseconds));
  const unknown = { layer: NO_LAYER, forward: null, backward: null, update: null, milliseconds: rest };
  return [...rows, unknown].map((row) => ({ ...row, share: row.milliseconds / step }));
}

function totals(entries: readonly (readonly [string, number])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, value] of entries) sums.set(name, (sums.get(name) ?? 0) + value);
  return sums;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Purpose of a node: `kind` as in CompiledOperation, `optimizer`, or one for the engine's own nodes. */
export interface NodePurpose {
  readonly kind: string;
  /** Undefined for nodes inserted by ONNX Runtime, and for copies of outputs. */
  readonly origin: Origin | undefined;
}

/** Operators that only move data: ONNX Runtime inserts them where it changes layouts. */
const MOVES = new Set(["ReorderInput", "ReorderOutput", "Transpose", "Reshape"]);

/**
 * Maps the nodes of a program to their purposes. ONNX Runtime names nodes that replace others after them, or after
 * their result:
 *
 *   conv2d (conv1 forward)/v3                as it was written
 *   matmul (fc1 backward)/v90_new_reshape    made from it, also `.../v90/MatmulTransposeFusion/`
 *   v8_nchwc                                 its own kernel for the node whose result is v8
 *   ReorderOutput_token_3, Transpose         its own
 */
export function purposeFinder({ operations }: CompiledProgram): (node: NodeTime) => NodePurpose {
  const byResult = new Map(operations.flatMap((operation) => operation.results.map((name) => [name, operation])));
  return ({ node, operator }) => {
    const [, result] = /(?:^|\/)(v\d+)(?:[_/]|$)/.exec(node) ?? [];
    const operation = result === undefined ? undefined : byResult.get(result);
    if (operation) return { kind: kindOf(operation), origin: operation.origin };
    if (node.startsWith("output/")) return { kind: "copy of an output", origin: undefined };
    return { kind: MOVES.has(operator) ? LAYOUT_CHANGE : `ONNX Runtime's ${operator}`, origin: undefined };
  };
}

/** The many small operations of the update pass are summed as `optimizer` (they include running statistics). */
export function kindOf({ kind, origin }: CompiledOperation): string {
  return origin?.pass === "update" ? "optimizer" : kind;
}

/** Number of profiled steps. A step of the larger networks writes about half a megabyte of trace. */
export const PROFILED_STEPS = 40;

/**
 * Profiles the first steps of the real training loop on real data, after a warm-up, in a separate session.
 *
 * @param steps minimum number to profile; the engine run that reaches it is counted completely
 */
export async function profileSteps(job: Omit<TrainingJob, "runtime">, steps: number): Promise<StepProfile> {
  let profile: EngineProfile | undefined;
  const runtime = profilingRuntime((found) => {
    profile = found;
  });
  const runs = await timeSteps({ ...job, runtime }, steps);
  if (!profile) throw new Error("training ended without a profile");
  return stepProfile(profile.program, profile.runs, runs);
}

/** Content of `profile.json`. */
export interface RunProfile extends StepProfile {
  readonly batchSize: number;
  readonly threads: number;
  readonly lowering: Lowering["kind"];
  /** Over the whole step, including the profiler's overhead. */
  readonly gflops: number;
}

/**
 * Profiles the training of a finished run and writes the summary `profile.json` into its folder.
 *
 * The run's first steps are repeated in a separate session whose weights are discarded, with the same recipe, data,
 * seed and lowering. So profiling neither slows the run down nor changes its weights, and a failure does not affect the
 * run. The number of steps is bounded, as the trace grows with each.
 *
 * @param run finished @param data what the run was trained on
 * @throws UserError when the folder is no run or cannot be written
 */
export async function profileRun(
  run: string | Run,
  { data, threads }: { readonly data: LoadedData; readonly threads: number },
): Promise<RunProfile> {
  const { path, record } = openTrainingRun(run);
  const recipe = await readRecipe(path, record, { task: imageTask(data.train) });
  const lowering = await chooseLowering(nodeRuntime, record.lowering);
  const { train } = trainingData(data.train, record);
  const normalization = normalizationOf(train);
  const job = { recipe, data: { train, validation: null }, normalization, seed: record.seed, threads, lowering };
  const profile = await profileSteps(job, PROFILED_STEPS);
  const speed = gflops(profile.multiplyAdds, profile.stepMilliseconds);
  const result = { batchSize: recipe.batchSize, threads, lowering: lowering.kind, gflops: speed, ...profile };
  const { folder } = openRunFolder(path);
  try {
    folder.writeProfile(result);
  } finally {
    folder.close();
  }
  return result;
}
