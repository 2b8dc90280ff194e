import { type CompiledProgram, nextName, type TensorSpec } from "../../../src/compile/compile.ts";
import { layoutIndex } from "../../../src/graph/layout.ts";
import { type InterpretOptions, interpret } from "./interpret.ts";

export interface ProgramResults {
  readonly outputs: Readonly<Record<string, Float64Array>>;
  /** New state by name, canonical. */
  readonly state: ReadonlyMap<string, Float64Array>;
}

/**
 * One run of a compiled program in the interpreter: what a session's `load`, `run` and `save` do.
 *
 * @param tensors feeds, parameters and state by name, all canonical
 */
export function interpretProgram(
  program: CompiledProgram,
  tensors: ReadonlyMap<string, ArrayLike<number>>,
  options: InterpretOptions,
): ProgramResults {
  const inputs = [...program.feeds, ...program.parameters, ...program.state];
  const feeds = Object.fromEntries(inputs.map((spec) => [spec.name, packed(spec, tensors.get(spec.name))]));
  const results = interpret(program.model, feeds, options);
  return {
    outputs: Object.fromEntries(program.outputs.map(({ name }) => [name, results.get(name)!.data])),
    state: new Map(program.state.map((spec) => [spec.name, unpacked(spec, results.get(nextName(spec.name))!.data)])),
  };
}

function packed({ name, layout, shape }: TensorSpec, data: ArrayLike<number> | undefined): Float64Array {
  if (!data) throw new Error(`${name} was given no numbers`);
  return Float64Array.from(layoutIndex(layout, shape), (canonical) => data[canonical]!);
}

function unpacked({ layout, shape }: TensorSpec, data: Float64Array): Float64Array {
  const result = new Float64Array(data.length);
  layoutIndex(layout, shape).forEach((canonical, at) => {
    result[canonical] = data[at]!;
  });
  return result;
}
