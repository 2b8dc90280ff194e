import type * as OrtModule from "onnxruntime-web/wasm";
import type { OrtFiles } from "./ort-files.ts";

/**
 * Loads ONNX Runtime's WebAssembly build, once per page or worker. The number of threads of the first call applies to
 * all.
 *
 * @param files default: the package's own, as in Node
 */
export function loadOrt(threads: number, files?: OrtFiles): Promise<typeof OrtModule> {
  loaded ??= load(threads, files);
  return loaded;
}

let loaded: Promise<typeof OrtModule> | undefined;

async function load(threads: number, files: OrtFiles | undefined): Promise<typeof OrtModule> {
  const ort = await import("onnxruntime-web/wasm");
  // Threads need shared memory, which browsers allow in cross-origin isolated pages only.
  ort.env.wasm.numThreads = typeof SharedArrayBuffer === "undefined" ? 1 : threads;
  if (files) ort.env.wasm.wasmPaths = { mjs: files.mjs, wasm: files.wasm };
  return ort;
}

/** Options of every session. */
export const SESSION_OPTIONS: OrtModule.InferenceSession.SessionOptions = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
  // Errors only: warnings concern general properties of models (unused inputs, say), which tests cover.
  logSeverityLevel: 3,
};
