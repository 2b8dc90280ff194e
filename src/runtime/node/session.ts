import type { InferenceSession, Tensor } from "onnxruntime-node";
import { type CompiledProgram, nextName, type TensorSpec } from "../../compile/compile.ts";
import { CANONICAL, layoutIndex, pack, unpack } from "../../graph/layout.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { DType } from "../../graph/value.ts";
import type { Session, SessionOptions, TensorData } from "../runtime.ts";
import { ort, sessionOptions } from "./ort.ts";

/** Opens a program on onnxruntime-node. */
export async function openSession(
  program: CompiledProgram,
  { threads }: SessionOptions,
  profiling: Pick<InferenceSession.SessionOptions, "enableProfiling" | "profileFilePrefix"> = {},
): Promise<NodeSession> {
  const session = await ort().InferenceSession.create(program.model, { ...sessionOptions(threads), ...profiling });
  return new NodeSession(program, session);
}

/**
 * State lives in two sets of buffers: a run reads one and writes the other, and the next run goes the other way. ONNX
 * Runtime writes straight into preallocated outputs, so no step allocates or copies state.
 */
class NodeSession implements Session {
  readonly #program: CompiledProgram;
  readonly #session: InferenceSession;
  readonly #feeds: Record<string, Tensor>;
  readonly #parameters: Record<string, Tensor>;
  readonly #state: readonly [Record<string, Tensor>, Record<string, Tensor>];
  readonly #outputs: Record<string, Tensor>;
  readonly #indices = new Map<string, Int32Array>();
  #current: 0 | 1 = 0;

  constructor(program: CompiledProgram, session: InferenceSession) {
    this.#program = program;
    this.#session = session;
    this.#feeds = allocate(program.feeds);
    this.#parameters = allocate(program.parameters);
    this.#state = [allocate(program.state), allocate(program.state)];
    this.#outputs = allocate(program.outputs);
    for (const { name, shape, layout } of [...program.parameters, ...program.state]) {
      if (layout.name !== CANONICAL.name) this.#indices.set(name, layoutIndex(layout, shape));
    }
  }

  load(tensors: ReadonlyMap<string, Float32Array>): void {
    for (const [specs, targets] of [
      [this.#program.parameters, this.#parameters],
      [this.#program.state, this.#state[this.#current]],
    ] as const) {
      for (const { name, shape } of specs) {
        const data = tensors.get(name);
        if (data?.length !== sizeOf(shape)) {
          throw new Error(
            `${this.#program.name}: "${name}" needs ${sizeOf(shape)} elements, got ${data?.length ?? "none"}`,
          );
        }
        const target = floats(targets[name]!);
        const index = this.#indices.get(name);
        if (index) pack(data, index, target);
        else target.set(data);
      }
    }
  }

  save(): Map<string, Float32Array> {
    const state = this.#state[this.#current];
    return new Map(
      this.#program.state.map(({ name }) => {
        const data = floats(state[name]!);
        const index = this.#indices.get(name);
        return [name, index ? unpack(data, index) : data.slice()];
      }),
    );
  }

  async run(feeds: Readonly<Record<string, TensorData>>): Promise<Readonly<Record<string, Float32Array>>> {
    for (const { name, shape, dtype } of this.#program.feeds) {
      const data = feeds[name];
      const target = this.#feeds[name]!.data as TensorData;
      if (data?.length !== sizeOf(shape) || data.constructor !== target.constructor) {
        throw new Error(
          `${this.#program.name}: feed "${name}" needs ${sizeOf(shape)} ${dtype} elements, got ${data ? `${data.length} of ${data.constructor.name}` : "none"}`,
        );
      }
      target.set(data);
    }
    const [from, to] = [this.#state[this.#current], this.#state[this.#current === 0 ? 1 : 0]];
    const fetches = Object.fromEntries(Object.entries(to).map(([name, tensor]) => [nextName(name), tensor]));
    await this.#session.run({ ...this.#feeds, ...this.#parameters, ...from }, { ...fetches, ...this.#outputs });
    this.#current = this.#current === 0 ? 1 : 0;
    return Object.fromEntries(Object.entries(this.#outputs).map(([name, tensor]) => [name, floats(tensor)]));
  }

  /** Writes the profile, if the session was opened with one. */
  endProfiling(): void {
    this.#session.endProfiling();
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
    specs.map(({ name, dtype, shape }) => [name, new OrtTensor(dtype, newData(dtype, sizeOf(shape)), [...shape])]),
  );
}

function newData(dtype: DType, size: number): TensorData {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "int32":
      return new Int32Array(size);
    case "uint8":
      return new Uint8Array(size);
    default:
      return dtype satisfies never;
  }
}
