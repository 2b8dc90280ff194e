import type { ModelSession } from "../model-session.ts";
import { modelSession } from "../open-session.ts";
import { modelFileOptions, ort } from "./ort.ts";

/**
 * Opens a model file in tailor's format, with all of ONNX Runtime's optimisations.
 *
 * @param fileName for error messages
 * @param options of the session
 * @param options.isAlone false if other work, such as decoding, runs between calls
 * @throws UserError when ONNX Runtime cannot read it, or its inputs and outputs are not tailor's
 */
export async function openModel(
  bytes: Uint8Array,
  fileName: string,
  { threads, isAlone = true }: { threads: number; isAlone?: boolean },
): Promise<ModelSession> {
  const { InferenceSession, Tensor } = ort();
  return modelSession(InferenceSession.create(bytes, modelFileOptions(bytes, threads, { isAlone })), Tensor, fileName);
}
