import type { TensorSpec } from "../compile/compile.ts";
import { sizeOf } from "../graph/shape.ts";
import type { DType } from "../graph/value.ts";
import type { TensorData } from "./runtime.ts";

/** Validation of tensors, shared by all runtimes so that they report the same errors. */

/** The array class of each element type. */
export const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const satisfies Record<
  DType,
  unknown
>;

/** @throws Error when a parameter or a state tensor (or a part of one) is missing or has the wrong number of elements */
export function loadedTensor(
  program: string,
  { name, shape, parts }: Pick<TensorSpec, "name" | "shape" | "parts">,
  tensors: ReadonlyMap<string, Float32Array>,
): Float32Array {
  if (parts) {
    const joined = new Float32Array(sizeOf(shape));
    let start = 0;
    for (const part of parts) {
      joined.set(loadedTensor(program, part, tensors), start);
      start += sizeOf(part.shape);
    }
    return joined;
  }
  const data = tensors.get(name);
  if (data?.length !== sizeOf(shape)) {
    throw new Error(`${program}: "${name}" needs ${sizeOf(shape)} elements, got ${data?.length ?? "none"}`);
  }
  return data;
}

/** The program's state tensors in a session's, by name: itself or its parts. */
export function savedTensors({ name, parts }: TensorSpec, data: Float32Array): [string, Float32Array][] {
  if (!parts) return [[name, data]];
  let start = 0;
  return parts.map((part) => {
    const end = start + sizeOf(part.shape);
    const values = data.slice(start, end);
    start = end;
    return [part.name, values];
  });
}

/** A feed for `steps` steps. @throws Error when it is missing, or has another type or number of elements */
export function fedTensor(
  program: string,
  { name, shape, dtype }: TensorSpec,
  feeds: Readonly<Record<string, TensorData>>,
  steps: number,
): TensorData {
  const data = feeds[name];
  const size = steps * sizeOf(shape);
  if (data?.length !== size || !(data instanceof ARRAYS[dtype])) {
    throw new Error(
      `${program}: feed "${name}" needs ${size} ${dtype} elements, got ${data ? `${data.length} of ${data.constructor.name}` : "none"}`,
    );
  }
  return data;
}
