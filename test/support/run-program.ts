import { fromBinary } from "@bufbuild/protobuf";
import { assignLayouts } from "../../src/compile/assign-layouts.ts";
import { type CompiledProgram, compile } from "../../src/compile/compile.ts";
import { FUSION_RULES, fusionRules } from "../../src/compile/fusion-rules.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { type Rule, rewrite } from "../../src/compile/rewrite.ts";
import { topologicalOrder, type Value } from "../../src/graph/value.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { inputName } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { probeBlockSize } from "../../src/runtime/node/ort.ts";
import type { TensorData } from "../../src/runtime/runtime.ts";

/** The block of this machine's CPU provider, or undefined where it has no blocked layout. */
export const PROBED_BLOCK = await probeBlockSize();

/** The block that sizes of test cases are measured by: the probed one, or that of most processors. */
export const CASE_BLOCK = PROBED_BLOCK ?? 16;

/** Every lowering that can run on this processor: standard and the GPU's always, blocked if the probe finds a block. */
export function lowerings(): readonly Lowering[] {
  const anywhere = [{ kind: "standard" }, { kind: "gpu" }] as const;
  return PROBED_BLOCK === undefined ? anywhere : [...anywhere, { kind: "blocked", block: PROBED_BLOCK }];
}

export type Feeds = ReadonlyMap<Value, ArrayLike<number>>;

export interface RunOptions {
  readonly lowering: Lowering;
  /** Fusion rules; all of them by default. */
  readonly rules?: readonly Rule[];
  readonly threads?: number;
}

/**
 * Compiles and runs the values once. Inputs of float32 are the program's parameters, so that their layouts are free: an
 * operation then meets blocked inputs without a conversion in front. All others are feeds.
 *
 * @returns the numbers of each output, in order
 */
export async function runValues(outputs: readonly Value[], feeds: Feeds, options: RunOptions): Promise<Float32Array[]> {
  const program = programOf(outputs, feeds);
  const compiled = compile(program, options.lowering, options.rules ?? fusionRules(options.lowering));
  return runCompiled(compiled, feeds, options.threads);
}

/** The program that `runValues` runs. */
export function programOf(outputs: readonly Value[], feeds: Feeds): Program {
  const inputs = [...feeds.keys()];
  return {
    name: "test",
    feeds: inputs.filter(({ dtype }) => dtype !== "float32"),
    parameters: inputs.filter(({ dtype }) => dtype === "float32"),
    state: [],
    outputs: Object.fromEntries(outputs.map((output, i) => [`output${i}`, output])),
  };
}

/** Opens a session, runs it once and releases it. */
export async function runCompiled(compiled: CompiledProgram, feeds: Feeds, threads = 1): Promise<Float32Array[]> {
  const parameters = new Map<string, Float32Array>();
  const fed: Record<string, TensorData> = {};
  for (const [value, data] of feeds) {
    if (value.dtype === "float32") parameters.set(inputName(value), Float32Array.from(data));
    else fed[inputName(value)] = value.dtype === "int32" ? Int32Array.from(data) : Uint8Array.from(data);
  }
  const session = await nodeRuntime.open(compiled, { threads });
  try {
    session.load(parameters);
    const results = await session.run(fed);
    return compiled.outputs.map(({ name }) => results[name]!.slice());
  } finally {
    await session.release();
  }
}

/** Names of the operations that run in the blocked layout once the program is fused and laid out. */
export function blockedOperations(program: Program, block: number, rules: readonly Rule[] = FUSION_RULES): Set<string> {
  const order = topologicalOrder(rewrite(Object.values(program.outputs), rules));
  const free = new Set((program.parameters ?? []).map(inputName));
  const { plans } = assignLayouts(order, { block, free, like: new Map() });
  return new Set([...plans.keys()].map(({ op }) => op.name));
}

export interface DecodedNode {
  readonly opType: string;
  readonly domain: string;
  /** What wrote it: an operation's name, or `reorder a to b`. */
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The nodes of a compiled program's ONNX model. */
export function nodesOf({ model }: CompiledProgram): DecodedNode[] {
  return (fromBinary(ModelProtoSchema, model).graph?.node ?? []).map(({ opType, domain, name, input, output }) => ({
    opType,
    domain,
    label: name.slice(0, Math.max(0, name.lastIndexOf("/"))),
    inputs: input,
    outputs: output,
  }));
}

/** Nodes of ONNX Runtime's blocked layout. */
export function blockedNodesOf(compiled: CompiledProgram): DecodedNode[] {
  return nodesOf(compiled).filter(({ domain }) => domain === "com.microsoft.nchwc");
}

/** Nodes that `compile` put between layouts. */
export function seamsOf(compiled: CompiledProgram): DecodedNode[] {
  return nodesOf(compiled).filter(({ label }) => label.startsWith("reorder "));
}

/** Those that run on processors: the one for GPUs has neither threads to choose nor a profile of layers. */
export const processorLowerings = () => lowerings().filter(({ kind }) => kind !== "gpu");
