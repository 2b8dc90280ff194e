import type { CompiledProgram } from "../../compile/compile.ts";
import type { Pass } from "../../graph/origin.ts";
import type { EngineRun } from "../../runtime/trace.ts";
import { type TimedRun, totalOf } from "../time-steps.ts";
import { kindOf, type NodePurpose, purposeFinder } from "./attribute.ts";

/** Times are milliseconds of a step, means over the steps that were profiled; shares are of the step, 0 to 1. */
export interface KindTime {
  /** An operation's name, `layout change`, `optimizer`, or one of the two kinds below that are no nodes. */
  readonly kind: string;
  readonly milliseconds: number;
  readonly share: number;
  /** Of its convolutions and matrix products, two operations a multiply-add; null where there are none. */
  readonly gflops: number | null;
}

export interface LayerTime {
  /** A layer's name, `pixels`, `loss`, or what belongs to no layer. */
  readonly layer: string;
  /** Null for what belongs to no layer: it has no pass either. */
  readonly forward: number | null;
  readonly backward: number | null;
  readonly update: number | null;
  readonly milliseconds: number;
  readonly share: number;
}

/** Where the time of a training step goes. Both lists sum to `stepMilliseconds`. */
export interface StepProfile {
  readonly steps: number;
  /** A step from end to end, batch preparation and the profiler's own work included. */
  readonly stepMilliseconds: number;
  /** Of a step: forward pass and both derivatives of each product. */
  readonly multiplyAdds: number;
  /** The longest first, then what is not inside any node. */
  readonly byKind: readonly KindTime[];
  /** In reading order, then what belongs to no layer. */
  readonly byLayer: readonly LayerTime[];
}

/** Time inside the engine's runs but outside its nodes: scheduling, memory, and writing down the profile. */
export const BETWEEN_NODES = "engine, between nodes";
/** Time outside the engine's runs: batches, masks, feeds, the loop itself. */
export const AROUND_ENGINE = "loop around the engine";
/** Nodes that ONNX Runtime put in by itself, and copies of outputs. */
const NO_LAYER = "nodes of no layer";

/**
 * Sums up what the profiler saw of the last steps.
 *
 * @param allRuns of the engine, those to warm up first
 * @param timed the runs to count, which are the last ones
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

/** Operations a second in units of 10^9: a multiply-add counts as two, as is usual. */
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
