import type { InferenceSession, Tensor } from "onnxruntime-node";
import { type CompiledProgram, nextName, type TensorSpec } from "../../compile/compile.ts";
import { CANONICAL, layoutIndex, pack, unpack } from "../../graph/layout.ts";
import { sizeOf } from "../../graph/shape.ts";
import { ARRAYS, fedTensor, loadedTensor, savedTensors } from "../check-tensors.ts";
import { repeatedModel, repeatedName } from "../repeated-model.ts";
import type { Session, SessionOptions, TensorData } from "../runtime.ts";
import { WITHOUT_IDLE_OPTIMIZERS } from "./idle-optimizers.ts";
import { ort, sessionOptions } from "./ort.ts";

/**
 * Larger feeds, in values, are run without a memory pattern: 9 images of 3x96x96, 334 of 28x28. With one, ONNX Runtime plans a single block for
 * all intermediate values after the first run, and keeps what that run used besides: up to twice the memory. What it saves in
 * time, 0 to 3 %, is lost in the noise where images are large (docs/log.md).
 */
const MAX_PATTERN_VALUES = 2 ** 18;

/** Opens a program on onnxruntime-node. */
export async function openSession(
  program: CompiledProgram,
  { threads }: SessionOptions,
  profiling: Pick<InferenceSession.SessionOptions, "enableProfiling" | "profileFilePrefix"> = {},
): Promise<NodeSession> {
  const model = program.state.length > 0 ? repeatedModel(program) : program.model;
  const values = program.feeds.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const options = {
    ...sessionOptions(threads),
    ...{ enableMemPattern: values <= MAX_PATTERN_VALUES, extra: WITHOUT_IDLE_OPTIMIZERS },
    ...profiling,
  };
  const session = await ort().InferenceSession.create(model, options);
  return new NodeSession(program, session);
}

/**
 * State is double-buffered: a run reads one set of buffers while ONNX Runtime writes the other, and the next run swaps
 * them. A program with state runs as its repeated model, which has other names and shapes.
 */
class NodeSession implements Session {
  readonly #program: CompiledProgram;
  readonly #session: InferenceSession;
  readonly #parameters: Record<string, Tensor>;
  readonly #state: readonly [Record<string, Tensor>, Record<string, Tensor>];
  readonly #indices = new Map<string, Int32Array>();
  readonly #isRepeated: boolean;
  #current: 0 | 1 = 0;

  constructor(program: CompiledProgram, session: InferenceSession) {
    this.#program = program;
    this.#session = session;
    this.#parameters = allocate(program.parameters);
    this.#state = [allocate(program.state), allocate(program.state)];
    this.#isRepeated = program.state.length > 0;
    // A weight and its moments share one.
    const indices = new Map<string, Int32Array>();
    for (const { name, shape, layout } of [...program.parameters, ...program.state]) {
      if (layout.name === CANONICAL.name) continue;
      const key = `${layout.name} of ${shape}`;
      const index = indices.get(key) ?? layoutIndex(layout, shape);
      indices.set(key, index);
      this.#indices.set(name, index);
    }
  }

  load(tensors: ReadonlyMap<string, Float32Array>): void {
    for (const [specs, targets] of [
      [this.#program.parameters, this.#parameters],
      [this.#program.state, this.#state[this.#current]],
    ] as const) {
      for (const spec of specs) {
        const { name } = spec;
        const data = loadedTensor(this.#program.name, spec, tensors);
        const target = floats(targets[name]!);
        const index = this.#indices.get(name);
        if (index) pack(data, index, target);
        else target.set(data);
      }
    }
  }

  async save(): Promise<Map<string, Float32Array>> {
    const state = this.#state[this.#current];
    return new Map(
      this.#program.state.flatMap((spec) => {
        const data = floats(state[spec.name]!);
        const index = this.#indices.get(spec.name);
        return savedTensors(spec, index ? unpack(data, index) : data.slice());
      }),
    );
  }

  async run(feeds: Readonly<Record<string, TensorData>>, steps = 1): Promise<Readonly<Record<string, Float32Array>>> {
    const program = this.#program;
    if (steps !== 1 && !this.#isRepeated) throw new Error(`${program.name} has no state: it runs once at a time`);
    const nameOf = this.#isRepeated ? repeatedName : (name: string) => name;
    const { Tensor: OrtTensor } = ort();
    const inputs: Record<string, Tensor> = { ...this.#parameters };
    for (const spec of program.feeds) {
      const { name, shape, dtype } = spec;
      const data = fedTensor(program.name, spec, feeds, steps);
      inputs[nameOf(name)] = new OrtTensor(dtype, data, this.#isRepeated ? [steps, ...shape] : [...shape]);
    }
    const [from, to] = [this.#state[this.#current], this.#state[this.#current === 0 ? 1 : 0]];
    const fetches: Record<string, Tensor | null> = {};
    for (const { name } of program.state) {
      inputs[nameOf(name)] = from[name]!;
      fetches[nameOf(nextName(name))] = to[name]!;
    }
    for (const { name } of program.outputs) fetches[nameOf(name)] = null;
    const results = await this.#session.run(inputs, fetches);
    this.#current = this.#current === 0 ? 1 : 0;
    return Object.fromEntries(program.outputs.map(({ name }) => [name, floats(results[nameOf(name)]!)]));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`expected float32, got ${tensor.type}`);
  return tensor.data;
}

function allocate(specs: readonly TensorSpec[]): Record<string, Tensor> {
  const { Tensor: OrtTensor } = ort();
  return Object.fromEntries(
    specs.map(({ name, dtype, shape }) => [name, new OrtTensor(dtype, new ARRAYS[dtype](sizeOf(shape)), [...shape])]),
  );
}
