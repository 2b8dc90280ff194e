import type { InferenceSession } from "onnxruntime-node";
import type { TensorSpec } from "../../compile/compile.ts";
import { sizeOf } from "../../graph/shape.ts";
import { GraphWriter } from "../../onnx/graph-writer.ts";
import { exclusively, type GpuEngine, runExclusively, type Tensors } from "./engine.ts";

/** Reads tensors of certain names and shapes from the GPU's memory. */
export interface ReadBack {
  /**
   * @param sets the same tensors, several times over: of several steps, say
   * @returns for each name the numbers of all sets, one set after another
   */
  read(sets: readonly Tensors[]): Promise<Map<string, Float32Array>>;
  release(): Promise<void>;
}

/**
 * Tensors in the GPU's memory are read through a session, whose outputs are in the processor's: in Node their own
 * `getData()` ends the process. A session also joins what it reads, and waiting for the GPU is what reading costs.
 *
 * @param most sets that are read at once
 */
export async function openReadBack(engine: GpuEngine, specs: readonly TensorSpec[], most: number): Promise<ReadBack> {
  const session = await openSession(engine, specs, most);
  return {
    async read(sets) {
      const inputs = specs.flatMap(({ name }) =>
        // The places of sets that are not there hold the last one once more.
        Array.from({ length: most }, (_, i) => [placeName(name, i), sets[Math.min(i, sets.length - 1)]![name]!]),
      );
      const results = await runExclusively(engine, session, Object.fromEntries(inputs));
      return new Map(
        specs.map(({ name, shape }) => [
          name,
          (results[readName(name)]!.data as Float32Array).slice(0, sets.length * sizeOf(shape)),
        ]),
      );
    },
    release: () => session.release(),
  };
}

const placeName = (name: string, place: number) => `${place}/${name}`;
const readName = (name: string) => `read/${name}`;

function openSession(engine: GpuEngine, specs: readonly TensorSpec[], most: number): Promise<InferenceSession> {
  const writer = new GraphWriter();
  for (const { name, shape } of specs) {
    const places = Array.from({ length: most }, (_, i) => writer.input(placeName(name, i), "float32", shape));
    const rows = places.map((place) => writer.reshape(place, [1, sizeOf(shape)]));
    const joined = most === 1 ? rows[0]! : writer.node("Concat", rows, { axis: 0 });
    // An output must be made: one that is an input, or has another shape only, would stay where it is.
    const read = writer.node("Mul", [joined, writer.scalar(1)]);
    writer.output(readName(name), read, "float32", [most, sizeOf(shape)]);
  }
  const outputs = Object.fromEntries(specs.map(({ name }) => [readName(name), "cpu" as const]));
  return exclusively(() => engine.open(writer.toBytes({ name: "read back" }), outputs));
}
