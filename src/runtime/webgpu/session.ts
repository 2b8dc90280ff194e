import type { InferenceSession } from "onnxruntime-node";
import { type CompiledProgram, nextName, type TensorSpec } from "../../compile/compile.ts";
import { sizeOf } from "../../graph/shape.ts";
import { fedTensor, loadedTensor, savedTensors } from "../check-tensors.ts";
import type { Session, TensorData } from "../runtime.ts";
import { dispose, exclusively, type GpuEngine, runExclusively, type Tensors } from "./engine.ts";
import { openReadBack, type ReadBack } from "./read-back.ts";

/** Steps whose outputs stay with the GPU until they are read together. */
const STEPS_PER_READING = 16;

/**
 * Opens a program on the GPU.
 *
 * @throws Error when the program is in another lowering; UserError when there is no GPU to run it, or not memory enough
 */
export async function openGpuSession(engine: GpuEngine, program: CompiledProgram): Promise<Session> {
  if (program.lowering.kind !== "gpu") throw new Error(`${program.name}: a GPU runs the lowering for GPUs`);
  const isStep = program.state.length > 0;
  const outputs = {
    ...Object.fromEntries(program.state.map(({ name }) => [nextName(name), "gpu-buffer" as const])),
    ...Object.fromEntries(program.outputs.map(({ name }) => [name, isStep ? ("gpu-buffer" as const) : "cpu"] as const)),
  };
  const session = await exclusively(() => engine.open(program.model, outputs));
  return new GpuSession(program, engine, session);
}

/**
 * State stays in the GPU's memory: what one step made is fed to the next and then disposed of. The processor does not wait
 * for the GPU between steps: while a step is computed, the next ones are on their way. What a step outputs stays there too
 * until its call is done (or for STEPS_PER_READING steps).
 */
class GpuSession implements Session {
  readonly #program: CompiledProgram;
  readonly #engine: GpuEngine;
  readonly #session: InferenceSession;
  #parameters: Tensors = {};
  #state: Tensors = {};
  #outputs: Promise<ReadBack> | undefined;
  #saved: Promise<ReadBack> | undefined;

  constructor(program: CompiledProgram, engine: GpuEngine, session: InferenceSession) {
    this.#program = program;
    this.#engine = engine;
    this.#session = session;
  }

  load(tensors: ReadonlyMap<string, Float32Array>): void {
    const { name: program, parameters, state } = this.#program;
    const copies = (specs: readonly TensorSpec[]) =>
      Object.fromEntries(
        specs.map((spec) => [spec.name, this.#tensor(spec, loadedTensor(program, spec, tensors).slice())]),
      );
    dispose(this.#state);
    this.#parameters = copies(parameters);
    this.#state = copies(state);
  }

  async save(): Promise<Map<string, Float32Array>> {
    const { state } = this.#program;
    if (state.length === 0) return new Map();
    this.#saved ??= openReadBack(this.#engine, state, 1);
    const read = await (await this.#saved).read([this.#state]);
    return new Map(state.flatMap((spec) => savedTensors(spec, read.get(spec.name)!)));
  }

  async run(feeds: Readonly<Record<string, TensorData>>, steps = 1): Promise<Readonly<Record<string, Float32Array>>> {
    const { name: program, feeds: specs, state, outputs } = this.#program;
    if (steps !== 1 && state.length === 0) throw new Error(`${program} has no state: it runs once at a time`);
    const fed = specs.map((spec) => ({ spec, data: fedTensor(program, spec, feeds, steps) }));
    const given = outputs.map(({ name, shape }) => [name, new Float32Array(steps * sizeOf(shape))] as const);
    let waiting: Tensors[] = [];
    for (let step = 0; step < steps; step++) {
      const inputs = Object.fromEntries(
        fed.map(({ spec, data }) => {
          const size = sizeOf(spec.shape);
          return [spec.name, this.#tensor(spec, data.subarray(step * size, (step + 1) * size))];
        }),
      );
      const results = await runExclusively(this.#engine, this.#session, {
        ...inputs,
        ...this.#parameters,
        ...this.#state,
      });
      dispose(this.#state);
      this.#state = Object.fromEntries(state.map(({ name }) => [name, results[nextName(name)]!]));
      waiting.push(Object.fromEntries(outputs.map(({ name }) => [name, results[name]!])));
      if (waiting.length < STEPS_PER_READING && step + 1 < steps) continue;
      const read = await this.#read(waiting);
      for (const [name, values] of given) {
        const part = read.get(name)!;
        values.set(part, (step + 1) * (values.length / steps) - part.length);
      }
      waiting.forEach(dispose);
      waiting = [];
    }
    return Object.fromEntries(given);
  }

  async release(): Promise<void> {
    dispose(this.#state);
    for (const opened of [this.#outputs, this.#saved]) await (await opened)?.release();
    await this.#session.release();
  }

  /** What steps output, one after another. */
  async #read(steps: readonly Tensors[]): Promise<Map<string, Float32Array>> {
    const { outputs, state } = this.#program;
    if (state.length === 0) {
      return new Map(outputs.map(({ name }) => [name, steps[0]![name]!.data as Float32Array]));
    }
    this.#outputs ??= openReadBack(this.#engine, outputs, STEPS_PER_READING);
    return (await this.#outputs).read(steps);
  }

  #tensor({ dtype, shape }: TensorSpec, data: TensorData) {
    return new this.#engine.Tensor(dtype, data, [...shape]);
  }
}
