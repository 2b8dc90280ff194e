import type { CompiledProgram } from "../compile/compile.ts";

/** What a session takes: bytes for pixels and masks, int32 for labels, float32 for all else. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

export interface SessionOptions {
  /** Threads that compute one run. */
  readonly threads: number;
}

/**
 * A compiled program, ready to run. State stays inside, in whatever layout the program wants; what goes in and out
 * through `load` and `save` is canonical (PyTorch's layouts).
 */
export interface Session {
  /** Sets state and parameters, by name. @throws Error when one is missing or has the wrong number of elements */
  load(tensors: ReadonlyMap<string, Float32Array>): void;
  /** Copies of the state, by name. */
  save(): Map<string, Float32Array>;
  /** Runs once: state moves on, and the outputs come back. They are overwritten by the next run. */
  run(feeds: Readonly<Record<string, TensorData>>): Promise<Readonly<Record<string, Float32Array>>>;
  release(): Promise<void>;
}

/** An ONNX Runtime build: Node's native one, or the browser's. */
export interface Runtime {
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** The block size of the CPU provider's own layout, or undefined where there is none. */
  probeBlockSize(): Promise<number | undefined>;
  open(program: CompiledProgram, options: SessionOptions): Promise<Session>;
}
