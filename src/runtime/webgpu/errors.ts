import { messageOf, UserError } from "../../errors.ts";
import type { Words } from "../../wording.ts";

/** What ONNX Runtime and Dawn report, and what it means for whoever uses the GPU. */
const CAUSES: readonly (readonly [RegExp, Words])[] = [
  [
    /out of memory|OutOfMemory|failed to allocate|allocation (size|of|failed)|larger than the max|too many storage buffers|\[Invalid Buffer/i,
    (w) =>
      `the GPU does not have enough memory, or takes no tensors as large as these; use a smaller ${w.option("batchSize")}, or ${w.option("device", "cpu")}`,
  ],
  [
    /device.{0,10}lost|lost.{0,10}device/i,
    (w) =>
      `the GPU was lost (its driver was reset, or it was suspended); the last finished epoch is saved: resume the run, or use ${w.option("device", "cpu")}`,
  ],
  [
    /Failed to get a WebGPU adapter|No supported adapters|webgpu.*not available|no available backend/i,
    (w) =>
      `there is no GPU here that WebGPU can use; use ${w.option("device", "cpu")}, or see docs/gpu.md for what to install`,
  ],
  [
    /disable_cpu_ep_fallback|explicitly disabled fallback/i,
    (w) => `the network has an operation that ONNX Runtime cannot run on the GPU; use ${w.option("device", "cpu")}`,
  ],
];

/** The GPU cannot compute, or not any more: the processor still can. */
export class GpuError extends UserError {}

/** The error as a message with a remedy where its cause is known, otherwise the error itself. */
export function gpuError(cause: unknown): unknown {
  if (cause instanceof GpuError) return cause;
  // A model file's session has worded its engine's error, which may be the GPU's.
  const text = messageOf(cause instanceof UserError ? cause.cause : cause);
  const known = CAUSES.find(([pattern]) => pattern.test(text));
  return known ? new GpuError(known[1], { cause }) : cause;
}
