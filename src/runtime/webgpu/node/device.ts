import { nodeRuntime } from "../../node/index.ts";
import { openModel } from "../../node/open-model.ts";
import { chooseDevice, type Device, type DeviceChoice, type FoundGpu } from "../device.ts";
import { gpuRuntime, openModelOnGpu } from "./index.ts";
import { probeGpu } from "./probe.ts";

/** The processor. */
export const CPU_DEVICE: Device = { runtime: nodeRuntime, openModel };

/**
 * Opens the device to compute with, as `chooseDevice` does.
 *
 * @param trial milliseconds that a device takes for a part of the work
 * @throws UserError when the GPU is requested and there is none that works
 */
export function openDevice(choice: DeviceChoice, trial: (device: Device) => Promise<number>): Promise<Device> {
  return chooseDevice(choice, { openCpu: async () => CPU_DEVICE, openGpu, trial });
}

/** What the first probe that ended well found: a process starts no other. */
let known: FoundGpu | undefined;

async function openGpu() {
  known ??= await probeGpu();
  const found = known;
  const { name, backend } = found;
  const device: Device = { runtime: gpuRuntime({ adapter: { name, backend } }), openModel: openModelOnGpu };
  return { found, device };
}
