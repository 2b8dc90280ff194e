/**
 * Where a page serves the two files of ONNX Runtime's WebAssembly build. In a file of its own, so that declarations that
 * mention it do not need onnxruntime-web, which is not everybody's.
 */
export interface OrtFiles {
  readonly mjs: string;
  readonly wasm: string;
}
