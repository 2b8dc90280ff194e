import type * as OrtModule from "onnxruntime-web/wasm";
import type { OrtFiles } from "./ort-files.ts";

/**
 * Loads ONNX Runtime's WebAssembly build, once a page or worker. What it starts with stays: the number of threads is
 * that of the first call.
 *
 * @param files left out: where the package has them, as in Node
 */
export function loadOrt(threads: number, files?: OrtFiles): Promise<typeof OrtModule> {
  loaded ??= load(threads, files);
  return loaded;
}

let loaded: Promise<typeof OrtModule> | undefined;

async function load(threads: number, files: OrtFiles | undefined): Promise<typeof OrtModule> {
  const ort = await import("onnxruntime-web/wasm");
  // Threads need shared memory, which browsers give to cross-origin isolated pages only.
  ort.env.wasm.numThreads = typeof SharedArrayBuffer === "undefined" ? 1 : threads;
  if (files) ort.env.wasm.wasmPaths = { mjs: files.mjs, wasm: files.wasm };
  return ort;
}

/** Options that every session shares. */
export const SESSION_OPTIONS: OrtModule.InferenceSession.SessionOptions = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
  // Errors only: warnings concern models in general (unused inputs, say), which tests cover.
  logSeverityLevel: 3,
};
