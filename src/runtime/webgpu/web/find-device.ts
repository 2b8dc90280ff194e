import type { Words } from "../../../wording.ts";
import { type FoundGpu, isSoftware } from "../device.ts";
import { GpuError, gpuError } from "../errors.ts";
import type { GpuAdapterHandle, GpuDeviceHandle, WebGpuApi } from "./webgpu-api.ts";

/** A driver that answers takes at most a few seconds to start. */
const LIMIT_MILLISECONDS = 20_000;

/** What ONNX Runtime's kernels use where an adapter has it. */
const FEATURES = ["shader-f16", "subgroups", "timestamp-query"];

/** Limits that a device has as its adapter does only where they are asked for. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
];

/** A device of the browser's GPU. */
export interface FoundDevice {
  readonly found: FoundGpu;
  readonly device: GpuDeviceHandle;
}

/**
 * Asks the browser for its GPU.
 *
 * @param api `navigator.gpu`; undefined where the browser has none
 * @throws GpuError with what to do when there is none, or it does not answer in time
 */
export async function findDevice(
  api: WebGpuApi | undefined,
  limitMilliseconds = LIMIT_MILLISECONDS,
): Promise<FoundDevice> {
  if (!api) throw new GpuError(NO_API);
  const inTime = <T>(answer: Promise<T>) => within(limitMilliseconds, answer);
  const adapter = await inTime(api.requestAdapter({ powerPreference: "high-performance" }));
  if (!adapter) throw new GpuError(NO_ADAPTER);
  const device = await inTime(
    adapter.requestDevice({
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]!])),
    }),
  ).catch((cause: unknown) => {
    throw gpuError(cause);
  });
  return { found: described(adapter), device };
}

/**
 * Rejects when the device is lost, or reports an error that no call waits for: too little memory, say.
 *
 * @param device of `findDevice`
 */
export function failureOf(device: GpuDeviceHandle): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    void device.lost.then(({ reason, message }) => reject(gpuError(new Error(`device lost (${reason}): ${message}`))));
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as Event & { readonly error: Error };
      const isOfMemory = error.constructor.name === "GPUOutOfMemoryError";
      reject(gpuError(new Error(isOfMemory ? `out of memory: ${error.message}` : error.message)));
    });
  });
  // Whoever waits hears of it; a device that fails while nothing is computed is none of the page's errors.
  failure.catch(() => undefined);
  return failure;
}

function described({ info, limits }: GpuAdapterHandle): FoundGpu {
  const name = info.description || [info.vendor, info.architecture].filter((part) => part !== "").join(" ") || null;
  const { maxBufferSize, maxStorageBufferBindingSize } = limits;
  return {
    name,
    // Browsers do not tell whether it is Vulkan, Metal or Direct3D.
    backend: "WebGPU",
    limits: { maxBufferSize: maxBufferSize!, maxStorageBufferBindingSize: maxStorageBufferBindingSize! },
    isSoftware: info.isFallbackAdapter === true || isSoftware(name),
  };
}

const NO_API: Words = (w) =>
  `this browser has no WebGPU here: it is switched off, or the page came neither over HTTPS nor from this machine; use ${w.option("device", "cpu")}`;

const NO_ADAPTER: Words = (w) =>
  `this browser has no GPU for WebGPU: its driver is missing or blocked; use ${w.option("device", "cpu")}, or see what the browser says about its GPU (chrome://gpu, about:support)`;

/** @throws GpuError when there is no answer in time: a failed request may hang for ever (onnxruntime #29553) */
async function within<T>(limitMilliseconds: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new GpuError(
          (w) =>
            `the browser does not answer within ${limitMilliseconds / 1000} s when it is asked for its GPU; restart it, or use ${w.option("device", "cpu")}`,
        ),
      );
    }, limitMilliseconds);
  });
  try {
    return await Promise.race([late, answer]);
  } finally {
    clearTimeout(timer);
  }
}
