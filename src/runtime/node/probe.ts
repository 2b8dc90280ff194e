import { GraphWriter } from "../../onnx/graph-writer.ts";
import { ort, sessionOptions } from "./ort.ts";

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
