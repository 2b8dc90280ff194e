import { type CompiledOperation, type CompiledProgram, LAYOUT_CHANGE } from "../../compile/compile.ts";
import type { Origin } from "../../graph/origin.ts";
import type { NodeTime } from "../../runtime/trace.ts";

/** What a node's time is spent on: `kind` as in CompiledOperation, `optimizer`, or one that says what the engine did. */
export interface NodePurpose {
  readonly kind: string;
  /** Undefined for nodes that ONNX Runtime put in by itself, and for copies of outputs. */
  readonly origin: Origin | undefined;
}

/** Operators that only move data: ONNX Runtime puts them in where it changes layouts by itself. */
const MOVES = new Set(["ReorderInput", "ReorderOutput", "Transpose", "Reshape"]);

/**
 * Finds what the nodes of a program are for. ONNX Runtime names nodes that it puts in place of others after them, or after
 * their result:
 *
 *   conv2d (conv1 forward)/v3                as it was written
 *   matmul (fc1 backward)/v90_new_reshape    made from it, also `.../v90/MatmulTransposeFusion/`
 *   v8_nchwc                                 its own kernel for the node whose result is v8
 *   ReorderOutput_token_3, Transpose         its own
 */
export function purposeFinder({ operations }: CompiledProgram): (node: NodeTime) => NodePurpose {
  const byResult = new Map(operations.flatMap((operation) => operation.results.map((name) => [name, operation])));
  return ({ node, operator }) => {
    const [, result] = /(?:^|\/)(v\d+)(?:[_/]|$)/.exec(node) ?? [];
    const operation = result === undefined ? undefined : byResult.get(result);
    if (operation) return { kind: kindOf(operation), origin: operation.origin };
    if (node.startsWith("output/")) return { kind: "copy of an output", origin: undefined };
    return { kind: MOVES.has(operator) ? LAYOUT_CHANGE : `ONNX Runtime's ${operator}`, origin: undefined };
  };
}

/** Updates are many small operations on every parameter: together they are the optimizer (and running statistics). */
export function kindOf({ kind, origin }: CompiledOperation): string {
  return origin?.pass === "update" ? "optimizer" : kind;
}
