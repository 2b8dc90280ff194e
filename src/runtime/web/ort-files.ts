/**
 * URLs of the two files of ONNX Runtime's WebAssembly build. In a separate file, so that type declarations that refer
 * to it do not need onnxruntime-web, an optional dependency.
 */
export interface OrtFiles {
  readonly mjs: string;
  readonly wasm: string;
}
