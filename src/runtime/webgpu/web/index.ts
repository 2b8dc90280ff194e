import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import type { ModelSession } from "../../model-session.ts";
import { modelSession } from "../../open-session.ts";
import type { Runtime } from "../../runtime.ts";
import type { OrtFiles } from "../../web/ort-files.ts";
import type { FoundGpu } from "../device.ts";
import { exclusively, type GpuEngine, untilFailure } from "../engine.ts";
import { openGpuSession } from "../session.ts";
import { failureOf, findDevice } from "./find-device.ts";
import type { WebGpuApi } from "./webgpu-api.ts";

/** A browser's GPU, ready to train and to classify. */
export interface BrowserGpu {
  readonly found: FoundGpu;
  readonly runtime: Runtime;
  /** Opens a model file in tailor's format; as `openModel` of the WebAssembly build. */
  readonly openModel: (bytes: Uint8Array, fileName: string) => Promise<ModelSession>;
}

/**
 * Opens a browser's GPU through ONNX Runtime's WebGPU build, which is loaded only if there is a GPU; once per page or
 * worker. After the device is lost, another page or worker may open it again.
 *
 * @param files of that build: `ort-wasm-simd-threaded.asyncify` of onnxruntime-web
 * @throws GpuError when there is no GPU, or the browser does not answer
 */
export async function openBrowserGpu(files?: OrtFiles): Promise<BrowserGpu> {
  const { found, device } = await findDevice(
    (globalThis as { navigator?: { readonly gpu?: WebGpuApi } }).navigator?.gpu,
  );
  const failure = failureOf(device);
  const ort = await import("onnxruntime-web/webgpu");
  if (files) ort.env.wasm.wasmPaths = { mjs: files.mjs, wasm: files.wasm };
  // The processor only passes on the work.
  ort.env.wasm.numThreads = 1;
  Object.assign(ort.env.webgpu, { device });
  const Tensor: TensorConstructor = ort.Tensor;
  const create = (model: Uint8Array, options: InferenceSession.SessionOptions = {}) =>
    ort.InferenceSession.create(model, { ...SESSION_OPTIONS, ...options });
  const engine: GpuEngine = {
    Tensor,
    failure,
    open: (model, outputs) => untilFailure(engine, create(model, { preferredOutputLocation: outputs })),
  };
  const { name, backend, limits } = found;
  return {
    found,
    runtime: {
      version: ort.env.versions.web ?? ort.env.versions.common,
      gpu: { name, backend, ...(limits && { limits }) },
      lowerings: async () => [{ kind: "gpu" }],
      open: (program) => openGpuSession(engine, program),
    },
    async openModel(bytes, fileName) {
      const opened = exclusively(() => untilFailure(engine, create(bytes)));
      const session = await modelSession(opened, Tensor, fileName);
      return {
        ...session,
        logits: (pixels) => exclusively(() => untilFailure(engine, session.logits(pixels))),
        probabilities: (pixels) => exclusively(() => untilFailure(engine, session.probabilities(pixels))),
      };
    },
  };
}

const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ["webgpu"],
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
  // A node that the provider lacks would move its inputs to the processor and back, unnoticed: it is refused.
  extra: { session: { disable_cpu_ep_fallback: "1" } },
};
