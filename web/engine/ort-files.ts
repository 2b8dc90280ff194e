import gpuMjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import gpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import mjs from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { OrtFiles } from "../../src/runtime/web/index.ts";

/** URLs of ONNX Runtime's WebAssembly build, on the page's own server. */
export const ORT_FILES: OrtFiles = {
  mjs: new URL(mjs, import.meta.url).href,
  wasm: new URL(wasm, import.meta.url).href,
};

/** Those of its WebGPU build, which is nearly twice as large. */
export const GPU_ORT_FILES: OrtFiles = {
  mjs: new URL(gpuMjs, import.meta.url).href,
  wasm: new URL(gpuWasm, import.meta.url).href,
};

const MAX_THREADS = 8;

/** Number of threads: WebAssembly has more than one only in a cross-origin isolated page. */
export function threadsHere(): number {
  return crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MAX_THREADS) : 1;
}

/** @throws Error in a browser without WebAssembly, or where it is disabled */
export function requireWebAssembly(): void {
  if (typeof WebAssembly === "undefined") {
    throw new Error("This browser has no WebAssembly, or it is switched off; networks cannot be computed here.");
  }
}
