import { featureSession } from "../feature-session.ts";
import type { FeatureSession, ModelSession } from "../model-session.ts";
import { modelSession } from "../open-session.ts";
import type { Runtime } from "../runtime.ts";
import { loadOrt, SESSION_OPTIONS } from "./ort.ts";
import type { OrtFiles } from "./ort-files.ts";
import { openSession } from "./session.ts";

export type { OrtFiles };

/** ONNX Runtime's WebAssembly build, for browsers and their workers. It is loaded by the first call. */
export async function webRuntime(threads: number, files?: OrtFiles): Promise<Runtime> {
  const { env } = await loadOrt(threads, files);
  return {
    version: env.versions.web ?? env.versions.common,
    // The blocked layout belongs to the native CPU provider.
    lowerings: async () => [{ kind: "standard" }],
    open: (program, options) => openSession(program, options, files),
  };
}

/**
 * Opens a network that makes features of images.
 *
 * @param fileName for error messages
 * @throws UserError when ONNX Runtime cannot read it
 */
export async function openFeatures(
  bytes: Uint8Array,
  fileName: string,
  { threads, files }: { threads: number; files?: OrtFiles },
): Promise<FeatureSession> {
  const { InferenceSession, Tensor } = await loadOrt(threads, files);
  return featureSession(InferenceSession.create(bytes, SESSION_OPTIONS), Tensor, fileName);
}

/**
 * Opens a model file in tailor's format.
 *
 * @param fileName for error messages
 * @throws UserError when ONNX Runtime cannot read it, or its inputs and outputs are not tailor's
 */
export async function openModel(
  bytes: Uint8Array,
  fileName: string,
  { threads, files }: { threads: number; files?: OrtFiles },
): Promise<ModelSession> {
  const { InferenceSession, Tensor } = await loadOrt(threads, files);
  return modelSession(InferenceSession.create(bytes, SESSION_OPTIONS), Tensor, fileName);
}
