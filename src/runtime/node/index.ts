import { createRequire } from "node:module";
import type { Lowering } from "../../compile/program.ts";
import type { ModelSession } from "../model-session.ts";
import { modelSession } from "../open-session.ts";
import type { Runtime } from "../runtime.ts";
import { modelFileOptions, ort, probeBlockSize } from "./ort.ts";
import { openSession } from "./session.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };

let probed: Promise<readonly [Lowering, ...Lowering[]]> | undefined;

/** ONNX Runtime's native build for Node. */
export const nodeRuntime: Runtime = {
  version,
  lowerings: () => {
    probed ??= probeLowerings();
    return probed;
  },
  open: openSession,
};

async function probeLowerings(): Promise<readonly [Lowering, ...Lowering[]]> {
  const standard = { kind: "standard" } as const;
  const block = await probeBlockSize();
  return block === undefined ? [standard] : [{ kind: "blocked", block }, standard];
}

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
