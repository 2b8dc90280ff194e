import { UserError } from "../../errors.ts";

/** What ONNX Runtime and Dawn say, and what that means for whoever wanted to use the GPU. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [
    /out of memory|OutOfMemory|failed to allocate|allocation (size|of|failed)/i,
    "the GPU has not memory enough; try a smaller --batch-size, or --device cpu",
  ],
  [
    /device.{0,10}lost|lost.{0,10}device/i,
    "the GPU was lost (its driver was reset, or it went to sleep); the last epoch is kept: resume the run, or use --device cpu",
  ],
  [
    /Failed to get a WebGPU adapter|No supported adapters|webgpu.*not available|no available backend/i,
    "there is no GPU here that WebGPU can use; use --device cpu, or see docs/gpu.md for what to install",
  ],
  [
    /disable_cpu_ep_fallback|explicitly disabled fallback/i,
    "the network has an operation that the GPU's provider lacks; use --device cpu",
  ],
];

/** The error as a sentence where its cause is known, else as it is. */
export function gpuError(cause: unknown): unknown {
  if (cause instanceof UserError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const known = CAUSES.find(([pattern]) => pattern.test(text));
  return known ? new UserError(known[1], { cause }) : cause;
}
