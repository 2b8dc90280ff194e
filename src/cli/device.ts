import type { LoadedData } from "../data/node/chain.ts";
import { normalizationOf, trainingData } from "../data/training-data.ts";
import { evaluationBatchSize } from "../evaluation/evaluate.ts";
import type { SeedlessRun } from "../experiments/planned-run.ts";
import { readModelAt } from "../runs/node/run-files.ts";
import { type Device, type DeviceChoice, openDevice } from "../runtime/webgpu/node/device.ts";
import { trainingValues } from "../training/node/picture-features.ts";
import { millisecondsPerStep } from "../training/node/trial.ts";
import type { Output } from "./output.ts";
import { threads } from "./parse.ts";

/** Opens the chosen device and says which one it is, where there was a choice. */
export async function chosenDevice(
  choice: DeviceChoice,
  trial: (device: Device) => Promise<number>,
  output: Output,
): Promise<Device> {
  const device = await openDevice(choice, trial);
  if (device.reason !== undefined) output.note(`computing on the ${device.reason}`);
  return device;
}

/** A trial of devices with a training's first steps. */
export function trialOf(
  { recipe, ...images }: Pick<SeedlessRun, "recipe" | "trainOn" | "limit">,
  { train }: LoadedData,
  threads: number,
): (device: Device) => Promise<number> {
  return async ({ runtime }) => {
    const data = trainingData(train, images);
    const normalization = normalizationOf(data.train);
    const values = await trainingValues(recipe, data, { threads, report: () => {} });
    return millisecondsPerStep({ recipe, data: values, normalization, seed: 1, threads, runtime });
  };
}

/** The device for a run's model file; the trial is a batch of black images. */
export function deviceForModel(
  run: string,
  options: { readonly device?: DeviceChoice | undefined; readonly threads: string | undefined },
  output: Output,
): Promise<Device> {
  return chosenDevice(
    options.device ?? "cpu",
    async ({ openModel }) => {
      const { bytes, fileName } = readModelAt(run);
      const session = await openModel(bytes, fileName, { threads: threads(options) });
      try {
        const { channels, height, width } = session.imageShape;
        const images = new Uint8Array(evaluationBatchSize(session.imageShape) * channels * height * width);
        await session.logits(images); // The first call allocates memory, and compiles the GPU's programs.
        const started = performance.now();
        await session.logits(images);
        return performance.now() - started;
      } finally {
        await session.release();
      }
    },
    output,
  );
}
