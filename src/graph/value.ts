import type { GraphWriter } from "../onnx/graph-writer.ts";
import type { Layout } from "./layout.ts";
import type { Shape } from "./shape.ts";

/** Element types of values. Labels are int32, pixels and dropout masks uint8, everything else float32. */
export type DType = "float32" | "int32" | "uint8";

/** Settings of an operation: plain data. */
export type Attributes = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/**
 * A node of the computation: an operation applied to other values. Values are immutable and do not refer to their
 * users; a graph is everything reachable from its outputs.
 */
export interface Value<A extends Attributes = Attributes> {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: A;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value's elements in the float64 reference: row-major, whatever its dtype. */
export interface ReferenceTensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** The layouts of the inputs and the output of an operation that runs in the blocked layout. */
export interface LayoutPlan {
  readonly inputs: readonly Layout[];
  readonly output: Layout;
}

/** The current layout of an input; undefined for a parameter whose layout has not been chosen yet. */
export type KnownLayout = Layout | undefined;

/**
 * An operation. One file of `src/ops` holds all of it: shape inference, derivative, lowering to ONNX, and the slow
 * float64 reference that they are tested against. These are methods (not function properties) on purpose: an `Op<A>`
 * can then be used wherever an `Op` is expected, and `apply` guarantees that each only ever sees its own attributes.
 */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** The result's shape (and dtype when it is not float32). @throws ShapeError that names the rule */
  infer(inputs: readonly Value[], attributes: A): { readonly shape: Shape; readonly dtype?: DType };
  /**
   * Derivatives of a scalar with respect to each input, given its derivative with respect to the result; undefined for
   * inputs without a derivative. Absent: the operation cannot be differentiated.
   */
  gradient?(value: Value<A>, outputGradient: Value): readonly (Value | undefined)[];
  /**
   * The same result in terms of other operations: replaces the operation after differentiation, instead of a lowering.
   */
  expand?(value: Value<A>): Value;
  readonly lower?: OpLowering<A>;
  /** Number of multiply-adds; absent where it is negligible compared with convolutions and matrix products. */
  multiplyAdds?(value: Value<A>): number;
  /** The result in float64, by the simplest possible loop. Never optimised: tests use it as the ground truth. */
  reference(inputs: readonly ReferenceTensor[], value: Value<A>): Float64Array;
}

/** How an operation becomes ONNX nodes. Each lowering returns the name of the result. */
export interface OpLowering<A extends Attributes = Attributes> {
  /** Standard ONNX operators on canonical tensors: any execution provider can run them. */
  standard(writer: GraphWriter, inputs: readonly string[], value: Value<A>): string;
  /** Operators for the WebGPU execution provider, where it lacks one of the standard lowering's or others are faster. */
  gpu?(writer: GraphWriter, inputs: readonly string[], value: Value<A>): string;
  /** Operators of the CPU execution provider's blocked layout. */
  readonly blocked?: BlockedLowering<A>;
}

/** An operation in the CPU execution provider's blocked layout. */
export interface BlockedLowering<A extends Attributes = Attributes> {
  /**
   * The layouts of inputs and output, or undefined where the shapes do not allow blocking: the standard lowering is
   * used.
   */
  plan(value: Value<A>, known: readonly KnownLayout[], block: number): LayoutPlan | undefined;
  /** Writes the nodes, for inputs in the plan's layouts. @returns the name of the result */
  emit(writer: GraphWriter, inputs: readonly string[], value: Value<A>, plan: LayoutPlan, block: number): string;
}

/** Creates a value. There is no other way to create one, so the shapes of all values have been checked. */
export function apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): Value<A> {
  const { shape, dtype = "float32" } = op.infer(inputs, attributes);
  return { op, inputs, attributes, shape, dtype };
}

/** Whether a value is an application of `op`; narrows the type of its attributes. */
export function isOp<A extends Attributes>(value: Value, op: Op<A>): value is Value<A> {
  return value.op.name === op.name;
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
