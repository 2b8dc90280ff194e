import type { GraphWriter } from "../onnx/graph-writer.ts";
import type { Layout } from "./layout.ts";
import type { Shape } from "./shape.ts";

/** Element types of values. Labels are int32, pixels and dropout masks uint8, all else float32. */
export type DType = "float32" | "int32" | "uint8";

/** Settings of an operation: plain data. */
export type Attributes = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/**
 * A node of the computation: an operation applied to other values. Values are immutable and know nothing of who uses
 * them; a graph is whatever can be reached from the values that are asked for.
 */
export interface Value<A extends Attributes = Attributes> {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value's numbers in the float64 reference: row-major, whatever its dtype. */
export interface ReferenceTensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** What an operation that runs in the blocked layout asks of its inputs and gives. */
export interface LayoutPlan {
  readonly inputs: readonly Layout[];
  readonly output: Layout;
}

/** The layout that an input has now; undefined for a parameter that nobody has laid out yet. */
export type KnownLayout = Layout | undefined;

/**
 * An operation. Everything about it stands in one file of `src/ops`: shapes, derivative, how ONNX computes it, and the
 * slow float64 twin that all of these are tested against. Methods (not function properties) on purpose: an `Op<A>` is
 * then usable wherever an `Op` is, and `apply` guarantees that each only ever sees its own attributes.
 */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** The result's shape (and dtype when it is not float32). @throws ShapeError that names the rule */
  infer(inputs: readonly Value[], attributes: A): { readonly shape: Shape; readonly dtype?: DType };
  /**
   * Derivatives of a scalar with respect to each input, given its derivative with respect to the result; undefined for
   * inputs that take none. Absent: the operation cannot be differentiated.
   */
  gradient?(value: Value<A>, outputGradient: Value): readonly (Value | undefined)[];
  /** The same result in terms of other operations: used once gradients are taken, instead of a lowering. */
  expand?(value: Value<A>): Value;
  readonly lower?: OpLowering<A>;
  /** Multiplications with addition that it takes; absent where they do not count beside those of the products. */
  multiplyAdds?(value: Value<A>): number;
  /** The result in float64, by the plainest loop there is. Never optimised: it is the oracle. */
  reference(inputs: readonly ReferenceTensor[], value: Value<A>): Float64Array;
}

/** How an operation becomes ONNX nodes. Each gives the name of the node's result. */
export interface OpLowering<A extends Attributes = Attributes> {
  /** Standard ONNX operators on canonical tensors: any provider can run them. */
  standard(writer: GraphWriter, inputs: readonly string[], value: Value<A>): string;
  /** The same where the WebGPU provider lacks one of those operators, or is faster otherwise. */
  gpu?(writer: GraphWriter, inputs: readonly string[], value: Value<A>): string;
  /** The CPU provider's blocked layout. */
  readonly blocked?: BlockedLowering<A>;
}

/** An operation in the CPU provider's blocked layout. */
export interface BlockedLowering<A extends Attributes = Attributes> {
  /** Which layouts it takes and gives, or undefined where these shapes do not fit: then the standard lowering runs. */
  plan(value: Value<A>, known: readonly KnownLayout[], block: number): LayoutPlan | undefined;
  /** Writes the nodes, for inputs in the plan's layouts. @returns the name of the result */
  emit(writer: GraphWriter, inputs: readonly string[], value: Value<A>, plan: LayoutPlan, block: number): string;
}

/** Makes a value: the one way in, so that every value's shape was checked. */
export function apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): Value<A> {
  const { shape, dtype = "float32" } = op.infer(inputs, attributes);
  return { op, inputs, attributes, shape, dtype };
}

/** All values that `outputs` depend on, inputs before users. */
export function topologicalOrder(outputs: readonly Value[]): Value[] {
  const order: Value[] = [];
  const seen = new Set<Value>();
  const stack: { value: Value; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ value: output, next: 0 });
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.value.inputs[top.next++];
      if (input === undefined) {
        order.push(top.value);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ value: input, next: 0 });
      }
    }
  }
  return order;
}
