import type { InferenceSession } from "onnxruntime-node";
import type { ModelSession } from "../../model-session.ts";
import { WITHOUT_IDLE_OPTIMIZERS } from "../../node/idle-optimizers.ts";
import { nodeRuntime } from "../../node/index.ts";
import { ort } from "../../node/ort.ts";
import { modelSession } from "../../open-session.ts";
import type { GpuAdapter, Runtime } from "../../runtime.ts";
import { exclusively, type GpuEngine } from "../engine.ts";
import { openGpuSession } from "../session.ts";

/** How the GPU is used; all but the adapter is for measurements. */
export interface GpuOptions {
  /** The adapter that `probeGpu` found. */
  readonly adapter?: GpuAdapter | undefined;
  /** Options of ONNX Runtime's WebGPU provider, as onnxruntime-node names them. */
  readonly provider?: Omit<InferenceSession.WebGpuExecutionProviderOption, "name">;
  readonly session?: InferenceSession.SessionOptions;
}

/** The GPU, through the WebGPU provider of ONNX Runtime's native build: Vulkan, Metal or Direct3D 12. */
export function gpuRuntime({ adapter, provider, session }: GpuOptions = {}): Runtime {
  const engine: GpuEngine = {
    get Tensor() {
      return ort().Tensor;
    },
    open: (model, outputs) =>
      ort().InferenceSession.create(model, {
        ...gpuSessionOptions(provider),
        preferredOutputLocation: outputs,
        ...session,
        extra: { ...gpuSessionOptions().extra, ...WITHOUT_IDLE_OPTIMIZERS, ...session?.extra },
      }),
  };
  return {
    version: nodeRuntime.version,
    ...(adapter && { gpu: adapter }),
    lowerings: async () => [{ kind: "gpu" }],
    open: (program) => openGpuSession(engine, program),
  };
}

function gpuSessionOptions(provider: GpuOptions["provider"] = {}): InferenceSession.SessionOptions {
  return {
    executionProviders: [{ name: "webgpu", ...provider }],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // A node that the provider lacks would move its inputs to the processor and back, unnoticed: it is refused.
    extra: { session: { disable_cpu_ep_fallback: "1" } },
  };
}

/**
 * Opens a model file in tailor's format on the GPU; as `openModel` of the processor.
 *
 * @param fileName for error messages
 */
export async function openModelOnGpu(bytes: Uint8Array, fileName: string): Promise<ModelSession> {
  const { InferenceSession, Tensor } = ort();
  const opened = exclusively(() => InferenceSession.create(bytes, gpuSessionOptions()));
  const session = await modelSession(opened, Tensor, fileName);
  return {
    ...session,
    logits: (pixels) => exclusively(() => session.logits(pixels)),
    probabilities: (pixels) => exclusively(() => session.probabilities(pixels)),
  };
}
