import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-node";
import { gpuError } from "./errors.ts";

/** Where a session leaves an output: in the GPU's memory, to be fed to a session again, or in the processor's. */
export type OutputLocation = "gpu-buffer" | "cpu";

/** ONNX Runtime's WebGPU provider, of its build for Node or for browsers. */
export interface GpuEngine {
  readonly Tensor: TensorConstructor;
  /** @param outputs where each output is to be left */
  open(model: Uint8Array, outputs: Readonly<Record<string, OutputLocation>>): Promise<InferenceSession>;
  /** Rejects when the GPU fails; absent where the calls themselves do. Afterwards nothing can be done with it. */
  readonly failure?: Promise<never>;
}

/** The work that was given last; what comes next waits for it. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Does one thing with the GPU at a time, whatever session asks for it: two sessions that run at once crash the process or
 * mix up their results (onnxruntime #32561).
 *
 * @throws UserError as `gpuError` words it
 */
export function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work).catch((cause: unknown) => {
    throw gpuError(cause);
  });
  last = result.catch(() => undefined);
  return result;
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Runs a session when the GPU is free. */
export function runExclusively(engine: GpuEngine, session: InferenceSession, inputs: Tensors): Promise<Tensors> {
  return exclusively(() => untilFailure(engine, session.run(inputs) as Promise<Tensors>));
}

/** A result of the GPU, or why there will be none. */
export function untilFailure<T>({ failure }: GpuEngine, result: Promise<T>): Promise<T> {
  return failure ? Promise.race([failure, result]) : result;
}

/** Frees the GPU's memory of those that lie in it. */
export function dispose(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) if (tensor.location === "gpu-buffer") tensor.dispose();
}
