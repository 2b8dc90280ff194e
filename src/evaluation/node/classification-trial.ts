import { readModelAt } from "../../runs/node/run-files.ts";
import type { Device } from "../../runtime/webgpu/device.ts";
import { evaluationBatchSize } from "../evaluate.ts";

/**
 * A trial of devices with a run's model file: milliseconds of a batch of black images.
 *
 * @param run a run folder, or an ONNX file that tailor wrote
 */
export function classificationTrial(run: string, threads: number): (device: Device) => Promise<number> {
  return async ({ openModel }) => {
    const { bytes, fileName } = readModelAt(run);
    const session = await openModel(bytes, fileName, { threads });
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
  };
}
