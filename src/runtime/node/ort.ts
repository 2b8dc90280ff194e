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

/** Options that every session shares. */
export function sessionOptions(threads: number): OrtModule.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    // Errors only: warnings concern models in general (unused inputs, say), which tests cover here.
    logSeverityLevel: 3,
  };
}
