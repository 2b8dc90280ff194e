import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import { reasonInLine, UserError } from "../errors.ts";
import type { ModelSession } from "./model-session.ts";

/**
 * Wraps an open session of a model file in tailor's format, for any build of ONNX Runtime: their sessions and tensors
 * have the same interfaces.
 *
 * @param opened rejects when ONNX Runtime cannot read the file
 * @param fileName for error messages
 * @throws UserError when ONNX Runtime cannot read it, or its inputs and outputs are not tailor's
 */
export async function modelSession(
  opened: Promise<InferenceSession>,
  Tensor: TensorConstructor,
  fileName: string,
): Promise<ModelSession> {
  const session = await opened.catch((cause: unknown) => {
    throw new UserError(`${fileName} is not a model that ONNX Runtime can read; train or export it again`, { cause });
  });
  const pixels = session.inputMetadata.find(({ name }) => name === "pixels");
  const scores = session.outputMetadata.find(({ name }) => name === "logits");
  const shape = pixels?.isTensor ? pixels.shape : [];
  const [channels, height, width] = shape.slice(1).map(Number);
  const classes = scores?.isTensor ? Number(scores.shape[1]) : Number.NaN;
  if (!channels || !height || !width || !classes) {
    await session.release();
    throw new UserError(
      `${fileName} has no input "pixels" [batch, channels, height, width] and output "logits" [batch, classes]`,
    );
  }
  const imageSize = channels * height * width;
  const run = async (pixelBytes: Uint8Array, output: "logits" | "probabilities") => {
    const data = new Float32Array(pixelBytes);
    const feeds = { pixels: new Tensor("float32", data, [data.length / imageSize, channels, height, width]) };
    const results = await session.run(feeds, [output]).catch((cause: unknown) => {
      throw new UserError(
        `${fileName} cannot be run by ONNX Runtime (${reasonInLine(cause)}); train or export it again`,
        { cause },
      );
    });
    const values = results[output]?.data;
    if (!(values instanceof Float32Array)) {
      throw new UserError(`${fileName} gives ${output} that are not float32; train or export it again`);
    }
    if (!values.every(Number.isFinite)) {
      throw new UserError(
        `${fileName} gives ${output} that are not finite numbers; restore the file from a copy, or train or export it again`,
      );
    }
    return values;
  };
  return {
    imageShape: { channels, height, width },
    classes,
    logits: (pixelBytes) => run(pixelBytes, "logits"),
    probabilities: (pixelBytes) => run(pixelBytes, "probabilities"),
    release: () => session.release(),
  };
}
