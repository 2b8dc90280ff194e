import type { InferenceSession, Tensor, TypedTensor } from "onnxruntime-web/wasm";
import { type CompiledProgram, nextName, type TensorSpec } from "../../compile/compile.ts";
import { sizeOf } from "../../graph/shape.ts";
import { fedTensor, loadedTensor, savedTensors } from "../check-tensors.ts";
import type { Session, SessionOptions, TensorData } from "../runtime.ts";
import { loadOrt, SESSION_OPTIONS } from "./ort.ts";
import type { OrtFiles } from "./ort-files.ts";

/**
 * Opens a program on onnxruntime-web.
 *
 * @throws Error when the program uses the blocked layout, which WebAssembly does not have
 */
export async function openSession(
  program: CompiledProgram,
  { threads }: SessionOptions,
  files?: OrtFiles,
): Promise<Session> {
  if (program.lowering.kind !== "standard") throw new Error(`${program.name}: a browser runs the standard lowering`);
  const ort = await loadOrt(threads, files);
  const session = await ort.InferenceSession.create(program.model, SESSION_OPTIONS);
  return new WebSession(program, session, ort.Tensor);
}

/**
 * The WebAssembly provider ignores preallocated outputs: every run returns new state tensors, which feed the next one.
 */
class WebSession implements Session {
  readonly #program: CompiledProgram;
  readonly #session: InferenceSession;
  readonly #Tensor: typeof Tensor;
  #parameters: Record<string, Tensor> = {};
  #state: Record<string, Tensor> = {};

  constructor(program: CompiledProgram, session: InferenceSession, TensorClass: typeof Tensor) {
    this.#program = program;
    this.#session = session;
    this.#Tensor = TensorClass;
  }

  load(tensors: ReadonlyMap<string, Float32Array>): void {
    const { name: program, parameters, state } = this.#program;
    const copies = (specs: readonly TensorSpec[]) =>
      Object.fromEntries(
        specs.map((spec) => [spec.name, this.#tensor(spec, loadedTensor(program, spec, tensors).slice())]),
      );
    this.#parameters = copies(parameters);
    this.#state = copies(state);
  }

  async save(): Promise<Map<string, Float32Array>> {
    return new Map(this.#program.state.flatMap((spec) => savedTensors(spec, floats(this.#state[spec.name]!).slice())));
  }

  async run(feeds: Readonly<Record<string, TensorData>>, steps = 1): Promise<Readonly<Record<string, Float32Array>>> {
    const { name: program, feeds: specs, state, outputs } = this.#program;
    if (steps !== 1 && state.length === 0) throw new Error(`${program} has no state: it runs once at a time`);
    const fed = specs.map((spec) => ({ spec, data: fedTensor(program, spec, feeds, steps) }));
    const given = outputs.map(({ name, shape }) => [name, new Float32Array(steps * sizeOf(shape))] as const);
    for (let step = 0; step < steps; step++) {
      const inputs = Object.fromEntries(
        fed.map(({ spec, data }) => [spec.name, this.#tensor(spec, partOf(data, step, sizeOf(spec.shape)))]),
      );
      const results = await this.#session.run({ ...inputs, ...this.#parameters, ...this.#state });
      this.#state = Object.fromEntries(state.map(({ name }) => [name, results[nextName(name)]!]));
      for (const [name, values] of given) {
        const result = floats(results[name]!);
        values.set(result, step * result.length);
      }
    }
    if (state.length > 0) await nextTask();
    return Object.fromEntries(given);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  #tensor({ dtype, shape }: TensorSpec, data: TensorData): TypedTensor<"float32" | "int32" | "uint8"> {
    return new this.#Tensor(dtype, data, [...shape]);
  }
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`expected float32, got ${tensor.type}`);
  return tensor.data;
}

/** The feed of one step. */
function partOf(data: TensorData, step: number, size: number): TensorData {
  return data.subarray(step * size, (step + 1) * size);
}

/**
 * Yields to the event loop. Runs block the thread, and so would a loop of runs: a worker would not receive the message
 * to stop, which is heard between two calls of a training. Costs up to 4 ms, more than a step of a head.
 */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
