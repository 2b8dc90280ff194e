import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import { reasonInLine, UserError } from "../errors.ts";
import type { FeatureSession } from "./model-session.ts";

/**
 * Wraps an open session of a network up to its features, for any build of ONNX Runtime.
 *
 * @param opened rejects when ONNX Runtime cannot read the file
 * @param fileName for error messages
 * @throws UserError with the file's name when it cannot be opened
 */
export async function featureSession(
  opened: Promise<InferenceSession>,
  Tensor: TensorConstructor,
  fileName: string,
): Promise<FeatureSession> {
  const session = await opened.catch((cause: unknown) => {
    throw new UserError(`${fileName} is not a network that ONNX Runtime can run (${reasonInLine(cause)})`, { cause });
  });
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  return {
    async run(pixels, shape) {
      const feeds = { [input]: new Tensor("float32", Float32Array.from(pixels), shape) };
      const results = await session.run(feeds).catch((cause: unknown) => {
        throw new UserError(`${fileName} cannot be run by ONNX Runtime (${reasonInLine(cause)})`, { cause });
      });
      const { data } = results[output]!;
      if (!(data instanceof Float32Array)) throw new UserError(`${fileName} gives features that are no float32 tensor`);
      if (!data.every(Number.isFinite)) throw new UserError(`${fileName} gives features that are not finite numbers`);
      return data;
    },
    release: () => session.release(),
  };
}
