import type { InferenceSession } from "onnxruntime-node";
import { WITHOUT_IDLE_OPTIMIZERS } from "../../node/idle-optimizers.ts";
import { nodeRuntime } from "../../node/index.ts";
import { ort } from "../../node/ort.ts";
import type { Runtime } from "../../runtime.ts";
import type { GpuEngine } from "../engine.ts";
import { openGpuSession } from "../session.ts";

/** Options of ONNX Runtime's WebGPU provider that change its speed, as onnxruntime-node names them. */
export type GpuOptions = Omit<InferenceSession.WebGpuExecutionProviderOption, "name">;

/** The GPU, by the WebGPU provider of ONNX Runtime's native build: Vulkan, Metal or Direct3D 12. */
export function gpuRuntime(options: GpuOptions = {}, session: InferenceSession.SessionOptions = {}): Runtime {
  const engine: GpuEngine = {
    get Tensor() {
      return ort().Tensor;
    },
    open: (model, outputs) =>
      ort().InferenceSession.create(model, {
        executionProviders: [{ name: "webgpu", ...options }],
        preferredOutputLocation: outputs,
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        ...session,
        // A node that the provider lacks would move its inputs to the processor and back, unseen: it is refused.
        extra: { session: { disable_cpu_ep_fallback: "1" }, ...WITHOUT_IDLE_OPTIMIZERS, ...session.extra },
      }),
  };
  return {
    version: nodeRuntime.version,
    lowerings: async () => [{ kind: "gpu" }],
    open: (program) => openGpuSession(engine, program),
  };
}
