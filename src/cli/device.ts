import type { Device, DeviceChoice } from "../runtime/webgpu/device.ts";
import { openDevice } from "../runtime/webgpu/node/device.ts";
import type { Output } from "./output.ts";

/**
 * Opens the chosen device and says which one it is, where there was a choice.
 *
 * @param trial milliseconds that a device takes for a part of the work
 */
export async function chosenDevice(
  choice: DeviceChoice | undefined,
  trial: (device: Device) => Promise<number>,
  output: Output,
): Promise<Device> {
  const device = await openDevice(choice ?? "cpu", trial);
  const { reason } = device.runtime;
  if (reason !== undefined) output.note(`computing on the ${reason}`);
  return device;
}
