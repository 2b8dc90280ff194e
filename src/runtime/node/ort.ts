import { createRequire } from "node:module";
import type * as OrtModule from "onnxruntime-node";
import { GraphWriter } from "../../onnx/graph-writer.ts";

/**
 * ONNX Runtime, loaded on first use: its native library takes some 50 ms, which `--help` need not pay.
 */
let loaded: typeof OrtModule | undefined;

export function ort(): typeof OrtModule {
  loaded ??= createRequire(import.meta.url)("onnxruntime-node") as typeof OrtModule;
  return loaded;
}

/**
 * Options that every session shares.
 *
 * @param isAlone whether nothing else wants the cores between two runs: its threads then wait for the next one awake, which
 *   is faster by their wake-up, and take the cores' time meanwhile
 */
export function sessionOptions(
  threads: number,
  { isAlone = true }: { isAlone?: boolean } = {},
): OrtModule.InferenceSession.SessionOptions {
  return {
    ...(isAlone ? {} : { extra: { session: { intra_op: { allow_spinning: "0" } } } }),
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    // Errors only: warnings concern models in general (unused inputs, say), which tests cover here.
    logSeverityLevel: 3,
  };
}

/** Any multiple of every block size there is. */
const PROBE_CHANNELS = 64;

/**
 * Finds the block size of the CPU provider's blocked layout: reorders an image of two pixels and looks where the second
 * pixel of the first channel went. Undefined where the processor (or the build) has no such layout.
 */
export async function probeBlockSize(): Promise<number | undefined> {
  const shape = [1, PROBE_CHANNELS, 1, 2];
  const writer = new GraphWriter();
  const image = writer.input("image", "float32", shape);
  const blocked = writer.blocked("ReorderInput", [image]);
  // A blocked tensor must not leave the graph as an image: as a plain vector it shows its order.
  writer.output("order", writer.reshape(blocked, [PROBE_CHANNELS * 2]), "float32", [PROBE_CHANNELS * 2]);
  const { InferenceSession, Tensor } = ort();
  try {
    const session = await InferenceSession.create(writer.toBytes({ name: "probe" }), sessionOptions(1));
    const places = Float32Array.from({ length: PROBE_CHANNELS * 2 }, (_, i) => i);
    const results = await session.run({ image: new Tensor("float32", places, shape) });
    await session.release();
    const block = (results.order!.data as Float32Array).indexOf(1);
    return block > 1 && block < PROBE_CHANNELS ? block : undefined;
  } catch {
    // A build without these operators refuses the model: the answer to the question that is asked here.
    return undefined;
  }
}
