import { openModel } from "../runtime/node/open-model.ts";
import type { Device, DeviceChoice } from "../runtime/webgpu/device.ts";
import type { Output } from "./output.ts";
import { threads } from "./parse.ts";

/** The device for a run's model file. */
export async function deviceForModel(
  run: string,
  options: { readonly device?: DeviceChoice | undefined; readonly threads: string | undefined },
  output: Output,
): Promise<Pick<Device, "openModel">> {
  if ((options.device ?? "cpu") === "cpu") return { openModel };
  // With the compiler, whose modules cost a prediction a tenth of its time.
  const [{ chosenDevice }, { classificationTrial }] = await Promise.all([
    import("./device.ts"),
    import("../evaluation/node/classification-trial.ts"),
  ]);
  return chosenDevice(options.device, classificationTrial(run, threads(options)), output);
}
