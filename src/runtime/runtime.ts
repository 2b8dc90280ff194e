import type { CompiledProgram } from "../compile/compile.ts";
import type { Lowering } from "../compile/program.ts";

/** Data of a session's inputs: bytes for pixels and masks, int32 for labels, float32 for everything else. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/** Options of a session. */
export interface SessionOptions {
  /** Number of threads per run. */
  readonly threads: number;
}

/**
 * A compiled program, ready to run. State stays in the session, in the program's layouts; `load` and `save` use
 * canonical order (PyTorch's layouts).
 */
export interface Session {
  /** Sets state and parameters, by name. @throws Error when one is missing or has the wrong number of elements */
  load(tensors: ReadonlyMap<string, Float32Array>): void;
  /** Copies of the state, by name. */
  save(): Promise<Map<string, Float32Array>>;
  /**
   * Runs `steps` steps of the program (default 1): updates the state and returns the outputs. Feeds and outputs hold
   * the data of all steps, concatenated. More than one step requires a program with state. Feeds must not be modified
   * until the outputs are returned.
   *
   * @throws Error when a feed is missing or has the wrong type or number of elements
   */
  run(feeds: Readonly<Record<string, TensorData>>, steps?: number): Promise<Readonly<Record<string, Float32Array>>>;
  /** Frees the session's memory; it cannot be used afterwards. */
  release(): Promise<void>;
}

/** A GPU as WebGPU offers it. */
export interface GpuAdapter {
  /** Null where the system does not tell. */
  readonly name: string | null;
  /** Vulkan, Metal or Direct3D 12. */
  readonly backend: string;
  /** The largest buffers in bytes, where they are known: in a browser. */
  readonly limits?: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
}

/** An execution provider of an ONNX Runtime build: the processor or the GPU, in Node or in a browser. */
export interface Runtime {
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** The GPU that it computes on; undefined on the processor. */
  readonly gpu?: GpuAdapter;
  /** Which device it is and why, as a phrase, where one was chosen. */
  readonly reason?: string;
  /** What goes on where this one's device fails (`GpuError`). */
  readonly fallback?: Runtime;
  /** The lowerings that it can run here, the fastest first. */
  lowerings(): Promise<readonly [Lowering, ...Lowering[]]>;
  /** Opens a session; its state must then be set with `load`. */
  open(program: CompiledProgram, options: SessionOptions): Promise<Session>;
}
