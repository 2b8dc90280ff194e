import { UserError } from "../../../errors.ts";
import type { ModelSession } from "../../model-session.ts";
import { nodeRuntime, openModel } from "../../node/index.ts";
import type { Runtime } from "../../runtime.ts";
import { gpuRuntime, openModelOnGpu } from "./index.ts";
import { probeGpu } from "./probe.ts";

/** What can compute: the processor, the GPU, or whichever is faster. */
export const DEVICES = ["cpu", "gpu", "auto"] as const;
/** One of DEVICES. */
export type DeviceChoice = (typeof DEVICES)[number];

/** The processor or the GPU, ready to train and to classify. */
export interface Device {
  readonly runtime: Runtime;
  /** Opens a model file in tailor's format. */
  readonly openModel: typeof openModel;
  /** Which one it is and why, as a sentence; undefined where nothing was to be chosen. */
  readonly reason: string | undefined;
}

/** The processor. */
export const CPU_DEVICE: Device = { runtime: nodeRuntime, openModel, reason: undefined };

/**
 * Opens the device to compute with. `auto` takes the GPU if it is one (not a program that acts as one) and faster in a
 * trial, otherwise the processor.
 *
 * @param trial milliseconds that a device takes for a part of the work
 * @throws UserError when the GPU is requested and there is none that works
 */
export async function openDevice(choice: DeviceChoice, trial: (device: Device) => Promise<number>): Promise<Device> {
  if (choice === "cpu") return CPU_DEVICE;
  if (choice === "gpu") return gpuDevice(await probeGpu());
  try {
    const found = await probeGpu();
    const gpu = gpuDevice(found);
    if (found.isSoftware) return { ...CPU_DEVICE, reason: `processor: ${found.name} is software` };
    const [cpuTime, gpuTime] = [await trial(CPU_DEVICE), await trial(gpu)];
    const times = `${gpuTime.toPrecision(3)} ms in a trial, the processor ${cpuTime.toPrecision(3)} ms`;
    return gpuTime < cpuTime
      ? { ...gpu, reason: `${gpu.reason}: ${times}` }
      : { ...CPU_DEVICE, reason: `processor: faster than the ${gpu.reason}, which took ${times}` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...CPU_DEVICE, reason: `processor: ${error.message.split(";")[0]}` };
  }
}

function gpuDevice(adapter: Awaited<ReturnType<typeof probeGpu>>): Device {
  const { name, backend } = adapter;
  return {
    runtime: gpuRuntime({ adapter: { name, backend } }),
    openModel: (bytes: Uint8Array, fileName: string): Promise<ModelSession> => openModelOnGpu(bytes, fileName),
    reason: `GPU ${name === null ? "" : `${name} `}(${backend})`,
  };
}
