import type { CompiledProgram } from "../compile/compile.ts";
import type { Lowering } from "../compile/program.ts";

/** What a session takes: bytes for pixels and masks, int32 for labels, float32 for all else. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/** How a session computes. */
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
  save(): Promise<Map<string, Float32Array>>;
  /**
   * Runs the program so many times in a row, by itself once: state moves on, and the outputs come back. Feeds hold what
   * each step is fed, one after another, and outputs what each gives. More than one step takes a program with state.
   * Feeds must stay as they are until the outputs are there.
   *
   * @throws Error when a feed is missing or has the wrong type or number of elements
   */
  run(feeds: Readonly<Record<string, TensorData>>, steps?: number): Promise<Readonly<Record<string, Float32Array>>>;
  /** Frees its memory; it cannot run afterwards. */
  release(): Promise<void>;
}

/** An execution provider of an ONNX Runtime build: the processor or the GPU, in Node or in a browser. */
export interface Runtime {
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** The lowerings that it runs here, the fastest first. */
  lowerings(): Promise<readonly [Lowering, ...Lowering[]]>;
  /** Makes a session; its state is not set yet. */
  open(program: CompiledProgram, options: SessionOptions): Promise<Session>;
}
