import type { Attributes, Op, Value } from "../graph/value.ts";
import { apply } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { add, elementwise, exp, multiply, subtract, writeIsPositive } from "./elementwise.ts";
import { constant } from "./leaves.ts";

/** What an elementwise function of one operand needs: everything else follows. */
interface Unary<A extends Attributes> {
  readonly name: string;
  /** Writes the ONNX operators. */
  write(writer: GraphWriter, x: string, attributes: A): string;
  /** The function in float64. */
  at(x: number, attributes: A): number;
  /** The derivative at x, with y the result, in terms of operations; undefined for a function of steps. */
  slope?(x: Value, y: Value, attributes: A): Value;
}

/** An elementwise operation, in any layout. Its derivative is dy times the slope. */
function unary<A extends Attributes>({ name, write, at, slope }: Unary<A>): Op<A> {
  return {
    name,
    infer: ([x]) => ({ shape: x!.shape }),
    gradient: (value, dy) => [slope && multiply(dy, slope(value.inputs[0]!, value, value.attributes))],
    lower: elementwise<A>((writer, [x], { attributes }) => write(writer, x!, attributes)),
    reference: ([x], { attributes }) => x!.data.map((element) => at(element, attributes)),
  };
}

type None = Record<string, never>;

/** y = 1 / (1 + exp(-x)). The slope is y (1 - y). */
export const sigmoidOp = unary<None>({
  name: "sigmoid",
  write: (writer, x) => writer.node("Sigmoid", [x]),
  at: (x) => 1 / (1 + Math.exp(-x)),
  slope: (_x, y) => multiply(y, subtract(constant(1), y)),
});

/** 1 / (1 + exp(-x)), elementwise. */
export function sigmoid(x: Value): Value {
  return apply(sigmoidOp, [x], {});
}

/** y = tanh(x). The slope is 1 - y^2. */
export const tanhOp = unary<None>({
  name: "tanh",
  write: (writer, x) => writer.node("Tanh", [x]),
  at: Math.tanh,
  slope: (_x, y) => subtract(constant(1), multiply(y, y)),
});

/** The hyperbolic tangent of each element. */
export function tanh(x: Value): Value {
  return apply(tanhOp, [x], {});
}

/** y = erf(x) = 2 / sqrt(pi) * the integral of exp(-t^2) from 0 to x. The slope is 2 / sqrt(pi) * exp(-x^2). */
export const erfOp = unary<None>({
  name: "erf",
  write: (writer, x) => writer.node("Erf", [x]),
  at: errorFunction,
  slope: (x) => multiply(exp(multiply(multiply(x, x), constant(-1))), constant(2 / Math.sqrt(Math.PI))),
});

/** The error function of each element. */
export function erf(x: Value): Value {
  return apply(erfOp, [x], {});
}

/** Beyond it, 1 - erf(x) is less than float64's precision. */
const ERF_IS_ONE = 6;

/** erf(x) = 2 / sqrt(pi) * exp(-x^2) * sum over n of 2^n x^(2n + 1) / (2n + 1)!!: all terms have the same sign. */
function errorFunction(x: number): number {
  if (Math.abs(x) > ERF_IS_ONE) return Math.sign(x);
  let [sum, term] = [x, x];
  for (let n = 1; Math.abs(term) > Math.abs(sum) * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** y = log(1 + exp(x)). The slope is sigmoid(x). */
export const softplusOp = unary<None>({
  name: "softplus",
  write: (writer, x) => writer.node("Softplus", [x]),
  at: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  slope: (x) => sigmoid(x),
});

/** log(1 + exp(x)), elementwise: a smooth ReLU. PyTorch's `softplus` with its default `beta`. */
export function softplus(x: Value): Value {
  return apply(softplusOp, [x], {});
}

/** y = 1 where x > 0, else 0. It passes no derivative on. */
export const isPositiveOp = unary<None>({
  name: "isPositive",
  write: writeIsPositive,
  at: (x) => Number(x > 0),
});

/** 1 where an element is above 0, else 0. It passes no derivative on. */
export function isPositive(x: Value): Value {
  return apply(isPositiveOp, [x], {});
}

type Range = { readonly least: number; readonly most: number };

/** y = x, at least `least` and at most `most`. The slope is 1 inside, else 0; at the ends it is 0, as in PyTorch's ReLU6. */
export const clipOp = unary<Range>({
  name: "clip",
  write: (writer, x, { least, most }) => writer.node("Clip", [x, writer.scalar(least), writer.scalar(most)]),
  at: (x, { least, most }) => Math.min(Math.max(x, least), most),
  slope: (_x, y, { least, most }) =>
    multiply(isPositive(subtract(y, constant(least))), isPositive(subtract(constant(most), y))),
});

/** Each element, at least `least` and at most `most`. */
export function clip(x: Value, least: number, most: number): Value {
  return apply(clipOp, [x], { least, most });
}

/** min(max(x, 0), 6), elementwise. */
export function relu6(x: Value): Value {
  return clip(x, 0, 6);
}

/** clip(x / 6 + 1 / 2, 0, 1), elementwise: PyTorch's `hardsigmoid`. */
export function hardSigmoid(x: Value): Value {
  return clip(add(multiply(x, constant(1 / 6)), constant(0.5)), 0, 1);
}

/** x * hardSigmoid(x), elementwise: PyTorch's `hardswish`. */
export function hardSwish(x: Value): Value {
  return multiply(x, hardSigmoid(x));
}

type LeakyAttributes = { readonly negativeSlope: number };

/** y = x where x > 0, else negativeSlope * x. The slope is 1 where x > 0, else negativeSlope. */
export const leakyReluOp = unary<LeakyAttributes>({
  name: "leakyRelu",
  write: (writer, x, { negativeSlope }) => writer.node("LeakyRelu", [x], { alpha: { float: negativeSlope } }),
  at: (x, { negativeSlope }) => (x > 0 ? x : negativeSlope * x),
  slope: (x, _y, { negativeSlope }) =>
    add(multiply(isPositive(x), constant(1 - negativeSlope)), constant(negativeSlope)),
});

/** x where it is above 0, else negativeSlope * x. */
export function leakyRelu(x: Value, negativeSlope = 0.01): Value {
  return apply(leakyReluOp, [x], { negativeSlope });
}

type EluAttributes = { readonly alpha: number };

/** y = x where x > 0, else alpha * (exp(x) - 1). The slope is 1 where x > 0, else y + alpha. */
export const eluOp = unary<EluAttributes>({
  name: "elu",
  write: (writer, x, { alpha }) => writer.node("Elu", [x], { alpha: { float: alpha } }),
  at: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  slope(x, y, { alpha }) {
    const positive = isPositive(x);
    return add(positive, multiply(subtract(constant(1), positive), add(y, constant(alpha))));
  },
});

/** x where it is above 0, else alpha * (exp(x) - 1) (Clevert et al. 2016). */
export function elu(x: Value, alpha = 1): Value {
  return apply(eluOp, [x], { alpha });
}

/** Which formula of GELU: `none` is the exact one, `tanh` the approximation of GPT-2 and BERT. The names are PyTorch's. */
export type GeluForm = "none" | "tanh";

/** GELU (Hendrycks and Gimpel 2016): x times the normal distribution's share below x. */
export function gelu(x: Value, form: GeluForm = "none"): Value {
  const inner =
    form === "tanh"
      ? tanh(
          multiply(add(x, multiply(multiply(multiply(x, x), x), constant(0.044715))), constant(Math.sqrt(2 / Math.PI))),
        )
      : erf(multiply(x, constant(Math.SQRT1_2)));
  return multiply(multiply(x, constant(0.5)), add(inner, constant(1)));
}
