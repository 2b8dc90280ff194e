import { UserError } from "../../errors.ts";
import type { ModelSession } from "../model-session.ts";
import type { GpuAdapter, Runtime } from "../runtime.ts";
import { GpuError } from "./errors.ts";

/** What can compute: the processor, the GPU, or whichever is faster. */
export const DEVICES = ["cpu", "gpu", "auto"] as const;
/** One of DEVICES. */
export type DeviceChoice = (typeof DEVICES)[number];

/** A GPU that computes correctly. */
export interface FoundGpu extends GpuAdapter {
  /** Whether it is a program for the processor that acts as a GPU. */
  readonly isSoftware: boolean;
}

/** The processor or the GPU, ready to train and to classify. */
export interface Device {
  readonly runtime: Runtime;
  /**
   * Opens a model file in tailor's format.
   *
   * @param fileName for error messages
   * @param options.threads of the processor
   * @param options.isAlone false if other work, such as decoding, runs between calls
   * @throws UserError when ONNX Runtime cannot read it, or its inputs and outputs are not tailor's
   */
  readonly openModel: (
    bytes: Uint8Array,
    fileName: string,
    options: { readonly threads: number; readonly isAlone?: boolean },
  ) => Promise<ModelSession>;
}

/** The devices to choose from, in Node or in a browser. */
export interface Devices {
  /** Opens the processor. */
  readonly openCpu: () => Promise<Device>;
  /** @throws UserError when there is no GPU that works */
  readonly openGpu: () => Promise<{ readonly found: FoundGpu; readonly device: Device }>;
  /** Milliseconds that a device takes for a part of the work. */
  readonly trial: (device: Device) => Promise<number>;
}

/** Adapters that are programs for the processor. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i;

/** Whether an adapter of that name is a program. */
export function isSoftware(name: string | null): boolean {
  return name !== null && SOFTWARE.test(name);
}

/**
 * Chooses the device to compute with; its runtime has the reason. `auto` takes the GPU if it is one (not a program that
 * acts as one) and faster in a trial, otherwise the processor; and if the GPU fails later, the processor takes its place.
 *
 * @throws UserError when the GPU is requested and there is none that works
 */
export async function chooseDevice(choice: DeviceChoice, { openCpu, openGpu, trial }: Devices): Promise<Device> {
  if (choice === "cpu") return openCpu();
  if (choice === "gpu") {
    const { found, device } = await openGpu();
    return withReason(device, gpuText(found));
  }
  const cpu = await openCpu();
  try {
    const { found, device } = await openGpu();
    if (found.isSoftware) return withReason(cpu, `processor: ${found.name} is software`);
    const [cpuTime, gpuTime] = [await trial(cpu), await trial(device)];
    const times = `${gpuTime.toPrecision(3)} ms in a trial, the processor ${cpuTime.toPrecision(3)} ms`;
    return gpuTime < cpuTime
      ? withFallback(withReason(device, `${gpuText(found)}: ${times}`), cpu)
      : withReason(cpu, `processor: faster than the ${gpuText(found)}, which took ${times}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return withReason(cpu, `processor: ${error.message.split(";")[0]}`);
  }
}

/** The processor's runtime, to go on with after the GPU failed. */
export function afterFailure(cpu: Runtime, error: GpuError): Runtime {
  return { ...cpu, reason: `processor: the GPU failed (${error.message.split(";")[0]})` };
}

function withReason(device: Device, reason: string): Device {
  return { ...device, runtime: { ...device.runtime, reason } };
}

/** A GPU whose place the processor takes when it fails. */
function withFallback(gpu: Device, cpu: Device): Device {
  return {
    runtime: { ...gpu.runtime, fallback: cpu.runtime },
    async openModel(...model) {
      const onCpu = (error: unknown) => {
        if (!(error instanceof GpuError)) throw error;
        return cpu.openModel(...model);
      };
      let session = await gpu.openModel(...model).catch(onCpu);
      const tried = (work: (session: ModelSession) => Promise<Float32Array>) =>
        work(session).catch(async (error: unknown) => {
          session = await onCpu(error);
          return work(session);
        });
      return {
        ...session,
        logits: (pixels) => tried((one) => one.logits(pixels)),
        probabilities: (pixels) => tried((one) => one.probabilities(pixels)),
        release: () => session.release(),
      };
    },
  };
}

/** `GPU Apple M2 (Metal)` */
function gpuText({ name, backend }: GpuAdapter): string {
  return `GPU ${name === null ? "" : `${name} `}(${backend})`;
}
