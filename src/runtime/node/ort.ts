import { createRequire } from "node:module";
import type * as OrtModule from "onnxruntime-node";

/**
 * ONNX Runtime, loaded on first use: its native library takes some 50 ms, which `--help` need not pay.
 */
let loaded: typeof OrtModule | undefined;

export function ort(): typeof OrtModule {
  loaded ??= createRequire(import.meta.url)("onnxruntime-node") as typeof OrtModule;
  return loaded;
}

/**
 * Options that every session shares.
 *
 * @param isAlone whether nothing else wants the cores between two runs: its threads then wait for the next one awake, which
 *   is faster by their wake-up, and take the cores' time meanwhile
 */
export function sessionOptions(
  threads: number,
  { isAlone = true }: { isAlone?: boolean } = {},
): OrtModule.InferenceSession.SessionOptions {
  return {
    ...(isAlone ? {} : { extra: { session: { intra_op: { allow_spinning: "0" } } } }),
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    // Errors only: warnings concern models in general (unused inputs, say), which tests cover here.
    logSeverityLevel: 3,
  };
}
