import { CANONICAL, fromLayout, type Layout, toLayout } from "../graph/layout.ts";
import type { Origin } from "../graph/origin.ts";
import type { Shape } from "../graph/shape.ts";
import { type DType, isOp, type LayoutPlan, topologicalOrder, type Value } from "../graph/value.ts";
import { GraphWriter } from "../onnx/graph-writer.ts";
import { inputName, inputOp } from "../ops/leaves.ts";
import { assignLayouts, EVERYTHING_CANONICAL, type LayoutAssignment } from "./assign-layouts.ts";
import { fusionRules } from "./fusion-rules.ts";
import { type PackedProgramState, packState } from "./pack-state.ts";
import type { Lowering, Program, StatePart } from "./program.ts";
import { type Rule, rewrite } from "./rewrite.ts";

/**
 * An input or output of a compiled program. Its elements are stored in `layout`; outside a session all are canonical.
 */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly layout: Layout;
  /** The program's state tensors that lie in this one, one after another; undefined where it is one itself. */
  readonly parts?: readonly StatePart[];
}

/** An operation of the ONNX model, or a change of layout in front of one. */
export interface CompiledOperation {
  /** The operation's name, or LAYOUT_CHANGE. */
  readonly kind: string;
  /** Undefined where the program does not record it. */
  readonly origin: Origin | undefined;
  /** Of convolutions and matrix products; 0 for everything else. */
  readonly multiplyAdds: number;
  /** Names of the results of its nodes. Each node's own name ends with its result's: `conv2d (conv1 forward)/v3`. */
  readonly results: readonly string[];
}

/** The kind of the nodes that convert a value from one layout to another. */
export const LAYOUT_CHANGE = "layout change";

/** A program as one ONNX model. State `name` is read as input `name` and written as output `nextName(name)`. */
export interface CompiledProgram {
  readonly name: string;
  readonly model: Uint8Array;
  readonly lowering: Lowering;
  readonly feeds: readonly TensorSpec[];
  readonly parameters: readonly TensorSpec[];
  readonly state: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The operations that the model's nodes implement, in the order in which they were written. */
  readonly operations: readonly CompiledOperation[];
  /** The layers named in the program's origins, in order of execution. */
  readonly layers: readonly string[];
}

/** Name of the output with a state tensor's new value. */
export function nextName(name: string): string {
  return `${name}'`;
}

/**
 * Compiles a program: fuses, assigns layouts, and writes one ONNX model.
 *
 * @param rules the fusion rules; tests leave some out to check that each preserves the results
 */
export function compile(
  program: Program,
  lowering: Lowering,
  rules: readonly Rule[] = fusionRules(lowering),
): CompiledProgram {
  const outputNames = Object.keys(program.outputs);
  // Outputs first: the forward pass then precedes the updates, so that layers determine the layout of their parameters.
  const origins = new Map(program.origins);
  const layers = [...new Set([...origins.values()].map(({ layer }) => layer))];
  const packed: PackedProgramState =
    lowering.kind === "gpu" ? packState(program.state) : { state: program.state, rules: [] };
  const targets = rewrite(
    [...outputNames.map((name) => program.outputs[name]!), ...packed.state.map(({ next }) => next)],
    [...packed.rules, ...rules],
    origins,
  );
  const outputs = targets.slice(0, outputNames.length);
  const nexts = targets.slice(outputNames.length);
  const order = topologicalOrder([...outputs, ...vectorsFirst(nexts)]);
  const assignment = assign(program, lowering, order);

  const writer = new GraphWriter();
  const operations: CompiledOperation[] = [];
  const begin = (label: string, operation: Omit<CompiledOperation, "results">) => {
    const { origin } = operation;
    const results = writer.begin(origin ? `${label} (${origin.layer} ${origin.pass})` : label);
    operations.push({ ...operation, results });
  };
  const specs = new Map<string, TensorSpec>();
  const names = new Map<Value, string>();
  const isDeclared = new Set<string>();
  const layoutOf = (value: Value) => assignment.layouts.get(value) ?? CANONICAL;
  const declare = (value: Value): TensorSpec => {
    const name = inputName(value);
    const spec = { name, dtype: value.dtype, shape: value.shape, layout: layoutOf(value) };
    specs.set(name, spec);
    isDeclared.add(name);
    names.set(value, writer.input(name, value.dtype, value.shape));
    return spec;
  };
  const converted = new Map<string, string>();
  /** The value's name in a layout. A conversion is written once per value and layout, and belongs to the first user. */
  const inLayout = (value: Value, wanted: Layout, user: Value): string => {
    const name = names.get(value)!;
    const made = layoutOf(value);
    if (made.name === wanted.name) return name;
    const key = `${name} ${wanted.name}`;
    const done = converted.get(key);
    if (done) return done;
    const origin = origins.get(user);
    begin(`reorder ${made.name} to ${wanted.name}`, { kind: LAYOUT_CHANGE, origin, multiplyAdds: 0 });
    const result = toLayout(writer, fromLayout(writer, name, made, value.shape), wanted, value.shape);
    converted.set(key, result);
    return result;
  };

  // Inputs without users after simplification are declared all the same, so that the signature is the program's.
  const canonicalNames = new Map(
    order.filter((value) => isOp(value, inputOp)).map((value) => [inputName(value), value]),
  );
  const declared = (value: Value) => declare(canonicalNames.get(inputName(value)) ?? value);
  const feeds = program.feeds.map(declared);
  const parameters = (program.parameters ?? []).map(declared);
  const state = packed.state.map(({ input, parts }) => ({ ...declared(input), ...(parts && { parts }) }));

  for (const value of order) {
    if (isOp(value, inputOp)) {
      if (!isDeclared.has(value.attributes.name)) {
        throw new Error(`${program.name}: input "${value.attributes.name}" is used, but neither fed nor state`);
      }
      continue;
    }
    const { op } = value;
    const plan = assignment.plans.get(value);
    const inputs = value.inputs.map((input, i) => inLayout(input, plan?.inputs[i] ?? CANONICAL, value));
    const multiplyAdds = op.multiplyAdds?.(value) ?? 0;
    begin(op.name, { kind: op.name, origin: origins.get(value), multiplyAdds });
    names.set(value, lower(writer, value, inputs, plan, lowering));
  }

  const outputSpecs = outputNames.map((name, i) => {
    const value = outputs[i]!;
    writer.output(name, inLayout(value, CANONICAL, value), value.dtype, value.shape);
    return { name, dtype: value.dtype, shape: value.shape, layout: CANONICAL };
  });
  state.forEach((spec, i) => {
    writer.output(nextName(spec.name), inLayout(nexts[i]!, spec.layout, nexts[i]!), spec.dtype, spec.shape);
  });
  const model = writer.toBytes({ name: program.name });
  const tensors = { feeds, parameters, state, outputs: outputSpecs };
  return { name: program.name, model, lowering, ...tensors, operations, layers };
}

/**
 * New state in the order in which it is to be computed: vectors first. Vectors are updated together, once all their
 * gradients are known; were they at the end, ONNX Runtime would postpone the weights' gradients until then and keep
 * every activation for them: a tenth more memory for the Enhanced network.
 */
function vectorsFirst(values: readonly Value[]): Value[] {
  const isVector = ({ shape }: Value) => shape.length === 1;
  return [...values.filter(isVector), ...values.filter((value) => !isVector(value))];
}

function assign(program: Program, lowering: Lowering, order: readonly Value[]): LayoutAssignment {
  switch (lowering.kind) {
    case "standard":
    case "gpu":
      return EVERYTHING_CANONICAL;
    case "blocked": {
      const lasting = [...program.state.map(({ input }) => input), ...(program.parameters ?? [])];
      const like = program.state.flatMap(({ name, like }) => (like === undefined ? [] : [[name, like] as const]));
      return assignLayouts(order, {
        block: lowering.block,
        free: new Set(lasting.map(inputName)),
        like: new Map(like),
      });
    }
    default:
      return lowering satisfies never;
  }
}

function lower(
  writer: GraphWriter,
  value: Value,
  inputs: readonly string[],
  plan: LayoutPlan | undefined,
  lowering: Lowering,
): string {
  const { op } = value;
  if (!op.lower) throw new Error(`${op.name} has no lowering`);
  if (lowering.kind === "blocked" && plan && op.lower.blocked) {
    return op.lower.blocked.emit(writer, inputs, value, plan, lowering.block);
  }
  if (lowering.kind === "gpu" && op.lower.gpu) return op.lower.gpu(writer, inputs, value);
  return op.lower.standard(writer, inputs, value);
}
