import { createRequire } from "node:module";
import type * as OrtModule from "onnxruntime-node";
import { UserError } from "../../errors.ts";
import { GraphWriter } from "../../onnx/graph-writer.ts";

/**
 * ONNX Runtime, loaded on first use: its native library takes about 50 ms, which `--help` should not cost.
 */
let loaded: typeof OrtModule | undefined;

/** @throws UserError when the system cannot load it: too little memory is allowed, or its files are missing */
export function ort(): typeof OrtModule {
  try {
    loaded ??= createRequire(import.meta.url)("onnxruntime-node") as typeof OrtModule;
    return loaded;
  } catch (cause) {
    const isOfSystem = cause instanceof Error && "code" in cause && cause.code === "ERR_DLOPEN_FAILED";
    if (!isOfSystem) throw cause;
    throw new UserError(
      `ONNX Runtime's library cannot be loaded (${cause.message}); allow the process more memory (ulimit -v unlimited), or install the package again`,
      { cause },
    );
  }
}

/**
 * Options of every session.
 *
 * @param isAlone whether nothing else needs the cores between two runs: threads then spin while they wait for the next
 *   run, which saves the wake-up time but uses the cores
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
    // Errors only: warnings concern general properties of models (unused inputs, say), which tests cover.
    logSeverityLevel: 3,
  };
}

/** The operator that quantises activations; "DequantizeLinear" does not contain it. */
const QUANTIZED_ACTIVATIONS = "QuantizeLinear";

/**
 * Options of a session of a model file, which may have been quantised. Where only its weights are, ONNX Runtime computes
 * them as floats once, at its start: while it looks for operators on integers it leaves them quantised, which keeps
 * convolutions out of the blocked layout and costs half of their speed (docs/log.md). With quantised activations it
 * computes on integers.
 */
export function modelFileOptions(
  model: Uint8Array,
  threads: number,
  { isAlone = true }: { isAlone?: boolean } = {},
): OrtModule.InferenceSession.SessionOptions {
  const options = sessionOptions(threads, { isAlone });
  const isOfIntegers = Buffer.from(model.buffer, model.byteOffset, model.byteLength).includes(QUANTIZED_ACTIVATIONS);
  if (isOfIntegers) return options;
  const { session } = (options.extra ?? {}) as { session?: Record<string, unknown> };
  return { ...options, extra: { ...options.extra, session: { ...session, disable_quant_qdq: "1" } } };
}

/** A multiple of every possible block size. */
const PROBE_CHANNELS = 64;

/**
 * Finds the block size of the CPU provider's blocked layout: reorders an image of two pixels and locates the second
 * pixel of the first channel. Undefined where the processor (or the build) has no such layout.
 */
export async function probeBlockSize(): Promise<number | undefined> {
  const shape = [1, PROBE_CHANNELS, 1, 2];
  const writer = new GraphWriter();
  const image = writer.input("image", "float32", shape);
  const blocked = writer.blocked("ReorderInput", [image]);
  // As an image, the blocked tensor would be converted back at the output; as a vector it keeps its order.
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
    // A build without these operators rejects the model: there is no blocked layout.
    return undefined;
  }
}
