import { formatShape, ShapeError, sameShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { multiply } from "./elementwise.ts";
import { constant } from "./leaves.ts";
import { softmax } from "./loss.ts";
import { batchedMatmul, transposeMatrices } from "./matmul.ts";

/**
 * softmax(queries keysᵀ / sqrt(D)) values (Vaswani et al. 2017): each query's mean of the values, weighted by how well it
 * matches their keys. Composed of other operations, and so is its derivative.
 *
 * @param queries [..., L, D] @param keys [..., S, D] @param values [..., S, E], equal axes in front
 * @returns [..., L, E]
 * @throws ShapeError when the shapes do not fit
 */
export function scaledDotProductAttention(queries: Value, keys: Value, values: Value): Value {
  const [q, k, v] = [queries.shape, keys.shape, values.shape];
  const isGood =
    q.length >= 3 &&
    sameShape(q.slice(0, -2), k.slice(0, -2)) &&
    sameShape(k.slice(0, -1), v.slice(0, -1)) &&
    q.at(-1) === k.at(-1);
  if (!isGood) {
    throw new ShapeError(
      "scaledDotProductAttention",
      `queries must be [..., L, D], keys [..., S, D] and values [..., S, E], got ${[q, k, v].map(formatShape).join(", ")}`,
    );
  }
  const scaled = multiply(queries, constant(1 / Math.sqrt(q.at(-1)!)));
  return batchedMatmul(softmax(batchedMatmul(scaled, transposeMatrices(keys))), values);
}
