import { CANONICAL } from "../graph/layout.ts";
import {
  broadcastIndex,
  broadcastShape,
  formatShape,
  requireSameShape,
  type Shape,
  ShapeError,
  sameShape,
} from "../graph/shape.ts";
import {
  type Attributes,
  apply,
  type BlockedLowering,
  type Op,
  type OpLowering,
  type ReferenceTensor,
  type Value,
} from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { constant } from "./leaves.ts";
import { sum, sumTo } from "./reduce.ts";

/**
 * Shared by elementwise operations: they run in any layout, as long as all their inputs have it. Operands of other shapes
 * are broadcast as in NumPy and PyTorch; all but scalars only in the canonical layout.
 */

/** The lowering of an elementwise operation: the same nodes in every layout. */
export function elementwise<A extends Attributes>(standard: OpLowering<A>["standard"]): OpLowering<A> {
  const blocked: BlockedLowering<A> = {
    plan(value, known) {
      const layout = known.find(
        (candidate, i) => candidate && candidate.name !== CANONICAL.name && value.inputs[i]!.shape.length > 0,
      );
      const isBroadcast = value.inputs.some(({ shape }) => shape.length > 0 && !sameShape(shape, value.shape));
      if (!layout || isBroadcast) return undefined;
      return {
        inputs: value.inputs.map((input) => (input.shape.length === 0 ? CANONICAL : layout)),
        output: layout,
      };
    },
    emit: (writer, inputs, value) => standard(writer, inputs, value),
  };
  return { standard, blocked };
}

/**
 * Result shape of an operation on two operands: axes are aligned from the last one, and an axis of size 1, or a missing
 * one, is repeated. @throws ShapeError where two sizes differ and neither is 1
 */
export function inferBinary(name: string, [a, b]: readonly Value[]): { shape: Shape } {
  const shape = broadcastShape(a!.shape, b!.shape);
  if (shape) return { shape };
  throw new ShapeError(
    name,
    `operands must have equal shapes, or sizes of 1 to broadcast, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}`,
  );
}

/** The float64 result of an operation on two operands. */
export function referenceBinary(
  [a, b]: readonly ReferenceTensor[],
  combine: (a: number, b: number) => number,
): Float64Array {
  const shape = broadcastShape(a!.shape, b!.shape)!;
  const [left, right] = [broadcastIndex(a!.shape, shape), broadcastIndex(b!.shape, shape)];
  return Float64Array.from(left, (at, i) => combine(a!.data[at]!, b!.data[right[i]!]!));
}

/** The gradient of one operand of two: that of a broadcast one is the sum over all places that it was repeated to. */
export function operandGradient(operand: Value, gradient: Value): Value {
  if (sameShape(operand.shape, gradient.shape)) return gradient;
  return operand.shape.length === 0 ? sum(gradient) : sumTo(gradient, operand.shape);
}

/** a + b, broadcast. The derivative is dy for both. */
export const addOp: Op<Record<string, never>> = {
  name: "add",
  infer: (inputs) => inferBinary("add", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, dy), operandGradient(b!, dy)],
  lower: elementwise((writer, inputs) => writer.node("Add", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a + b),
};

/** a + b, elementwise; shapes broadcast as in NumPy. */
export function add(a: Value, b: Value): Value {
  return apply(addOp, [a, b], {});
}

/** a - b, broadcast. The derivative is dy for a and -dy for b. */
export const subtractOp: Op<Record<string, never>> = {
  name: "subtract",
  infer: (inputs) => inferBinary("subtract", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, dy), operandGradient(b!, multiply(dy, constant(-1)))],
  lower: elementwise((writer, inputs) => writer.node("Sub", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a - b),
};

/** a - b, elementwise; shapes broadcast as in NumPy. */
export function subtract(a: Value, b: Value): Value {
  return apply(subtractOp, [a, b], {});
}

/** a * b, broadcast. The derivative is dy * b for a and dy * a for b. */
export const multiplyOp: Op<Record<string, never>> = {
  name: "multiply",
  infer: (inputs) => inferBinary("multiply", inputs),
  gradient: ({ inputs: [a, b] }, dy) => [operandGradient(a!, multiply(dy, b!)), operandGradient(b!, multiply(dy, a!))],
  lower: elementwise((writer, inputs) => writer.node("Mul", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a * b),
};

/** a * b, elementwise; shapes broadcast as in NumPy. */
export function multiply(a: Value, b: Value): Value {
  return apply(multiplyOp, [a, b], {});
}

/** a / b, broadcast. With q = a / b the derivative is dy / b for a and -dy * q / b for b. */
export const divideOp: Op<Record<string, never>> = {
  name: "divide",
  infer: (inputs) => inferBinary("divide", inputs),
  gradient(value, dy) {
    const [a, b] = value.inputs;
    const byDivisor = divide(dy, b!);
    return [operandGradient(a!, byDivisor), operandGradient(b!, multiply(multiply(byDivisor, value), constant(-1)))];
  },
  lower: elementwise((writer, inputs) => writer.node("Div", inputs)),
  reference: (inputs) => referenceBinary(inputs, (a, b) => a / b),
};

/** a / b, elementwise; shapes broadcast as in NumPy. */
export function divide(a: Value, b: Value): Value {
  return apply(divideOp, [a, b], {});
}

/** y = sqrt(x), x >= 0. The derivative is dy / (2 y). */
export const sqrtOp: Op<Record<string, never>> = {
  // The network fingerprints in run records contain this name.
  name: "squareRoot",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [divide(multiply(dy, constant(0.5)), value)],
  lower: elementwise((writer, inputs) => writer.node("Sqrt", inputs)),
  reference: ([x]) => x!.data.map(Math.sqrt),
};

/** The square root of each element. */
export function sqrt(x: Value): Value {
  return apply(sqrtOp, [x], {});
}

/** y = exp(x). The derivative is dy * y. */
export const expOp: Op<Record<string, never>> = {
  name: "exp",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [multiply(dy, value)],
  lower: elementwise((writer, inputs) => writer.node("Exp", inputs)),
  reference: ([x]) => x!.data.map(Math.exp),
};

/** The exponential of each element. */
export function exp(x: Value): Value {
  return apply(expOp, [x], {});
}

/** y = log(x), x > 0, the natural logarithm. The derivative is dy / x. */
export const logOp: Op<Record<string, never>> = {
  name: "log",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: ({ inputs: [x] }, dy) => [divide(dy, x!)],
  lower: elementwise((writer, inputs) => writer.node("Log", inputs)),
  reference: ([x]) => x!.data.map(Math.log),
};

/** The natural logarithm of each element. */
export function log(x: Value): Value {
  return apply(logOp, [x], {});
}

/** y = max(x, 0). The derivative is dy where y > 0, else 0; at x = 0 it is 0, as in PyTorch. */
export const reluOp: Op<Record<string, never>> = {
  name: "relu",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [reluGradient(value, dy)],
  lower: elementwise((writer, inputs) => writer.node("Relu", inputs)),
  reference: ([x]) => x!.data.map((element) => Math.max(element, 0)),
};

/** max(x, 0), elementwise. */
export function relu(x: Value): Value {
  return apply(reluOp, [x], {});
}

/** The largest float32. As a slope it makes any normal float32 above 0 at least 1: times the smallest normal one it is 4. */
export const LARGEST_FLOAT32 = 3.4028234663852886e38;

/**
 * Writes 1 where x > 0, else 0: `HardSigmoid(x) = max(0, min(1, LARGEST_FLOAT32 * x))`, one vectorised pass; a comparison
 * and a cast are two in ONNX Runtime. It is exact for every float32 but the subnormal ones.
 */
export function writeIsPositive(writer: GraphWriter, x: string): string {
  return writer.node("HardSigmoid", [x], { alpha: { float: LARGEST_FLOAT32 }, beta: { float: 0 } });
}

/**
 * dx = dy where y > 0, else 0; y is ReLU's result (or anything else that is positive exactly where ReLU's input is).
 */
export const reluGradientOp: Op<Record<string, never>> = {
  name: "reluGradient",
  infer([y, dy]) {
    requireSameShape("reluGradient", "y and dy", y!.shape, dy!.shape);
    return { shape: dy!.shape };
  },
  lower: elementwise((writer, [y, dy]) => writer.node("Mul", [writeIsPositive(writer, y!), dy])),
  reference: ([y, dy]) => dy!.data.map((element, i) => (y!.data[i]! > 0 ? element : 0)),
};

/** @param y and @param dy of equal shape */
export function reluGradient(y: Value, dy: Value): Value {
  return apply(reluGradientOp, [y, dy], {});
}

/** y = x / (1 + exp(-x)), the sigmoid linear unit, also called swish (Ramachandran et al. 2017; PyTorch's SiLU). */
export const siluOp: Op<Record<string, never>> = {
  name: "silu",
  infer: ([x]) => ({ shape: x!.shape }),
  gradient: (value, dy) => [siluGradient(value.inputs[0]!, value, dy)],
  lower: elementwise((writer, [x]) => writer.node("Mul", [x, writer.node("Sigmoid", [x])])),
  reference: ([x]) => x!.data.map((element) => element / (1 + Math.exp(-element))),
};

/** `x * sigmoid(x)`, also called swish. */
export function silu(x: Value): Value {
  return apply(siluOp, [x], {});
}

/**
 * dx = dy * s * (1 + x - y), where s = 1 / (1 + exp(-x)) and y = x * s is SiLU's result: the product rule gives
 * s + x * s * (1 - s), and x * s is already computed.
 */
export const siluGradientOp: Op<Record<string, never>> = {
  name: "siluGradient",
  infer([x, y, dy]) {
    requireSameShape("siluGradient", "x and y", x!.shape, y!.shape);
    requireSameShape("siluGradient", "x and dy", x!.shape, dy!.shape);
    return { shape: dy!.shape };
  },
  lower: elementwise((writer, [x, y, dy]) => {
    const rest = writer.node("Add", [writer.node("Sub", [x, y]), writer.scalar(1)]);
    const slope = writer.node("Mul", [writer.node("Sigmoid", [x]), rest]);
    return writer.node("Mul", [slope, dy]);
  }),
  reference: ([x, y, dy]) =>
    dy!.data.map((element, i) => (element * (1 + x!.data[i]! - y!.data[i]!)) / (1 + Math.exp(-x!.data[i]!))),
};

/** @param x, @param y and @param dy of equal shape */
export function siluGradient(x: Value, y: Value, dy: Value): Value {
  return apply(siluGradientOp, [x, y, dy], {});
}

type DropoutAttributes = { readonly rate: number };

/**
 * y = x * mask / (1 - rate): "inverted" dropout, so that evaluation needs no change (Srivastava et al. 2014; PyTorch).
 * The mask is an input of bytes, 1 to keep and 0 to drop, drawn outside the graph: the graph generates no random
 * numbers. The derivative is dy * mask / (1 - rate).
 */
export const dropoutOp: Op<DropoutAttributes> = {
  name: "dropout",
  infer([x, mask], { rate }) {
    requireSameShape("dropout", "x and mask", x!.shape, mask!.shape);
    if (mask!.dtype !== "uint8") throw new ShapeError("dropout", `mask must be uint8, got ${mask!.dtype}`);
    if (!(rate >= 0 && rate < 1)) throw new ShapeError("dropout", `rate must be at least 0 and below 1, got ${rate}`);
    return { shape: x!.shape };
  },
  gradient: ({ inputs: [, mask], attributes }, dy) => [dropout(dy, mask!, attributes), undefined],
  lower: {
    standard(writer, [x, mask], { attributes }) {
      const scaled = writer.node("Mul", [writer.cast(mask!, "float32"), writer.scalar(1 / (1 - attributes.rate))]);
      return writer.node("Mul", [x, scaled]);
    },
  },
  reference: ([x, mask], { attributes }) =>
    x!.data.map((element, i) => (element * mask!.data[i]!) / (1 - attributes.rate)),
};

/**
 * Drops elements where the mask is 0 and scales the rest by 1 / (1 - rate).
 *
 * @param x any shape @param mask uint8 of the same shape @param attributes rate: the share of elements dropped, [0, 1)
 */
export function dropout(x: Value, mask: Value, attributes: DropoutAttributes): Value {
  return apply(dropoutOp, [x, mask], attributes);
}
