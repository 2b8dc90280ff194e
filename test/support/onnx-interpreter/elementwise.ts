import { type Kernel, type Kernels, required } from "./kernel.ts";
import { elements, strides, type Tensor, view } from "./tensor.ts";

/** ONNX's element types that Cast may go to, by their numbers in `TensorProto.DataType`. */
const FLOAT = 1;
const UINT8 = 2;
const INT32 = 6;
const BOOL = 9;

/** Two tensors in their common shape, by ONNX's (NumPy's) broadcasting. */
function broadcast(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const rank = Math.max(a.shape.length, b.shape.length);
  const aligned = ({ shape }: Tensor) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [left, right] = [aligned(a), aligned(b)];
  const shape = left.map((size, axis) => {
    const other = right[axis]!;
    if (size !== other && size !== 1 && other !== 1) throw new Error(`[${a.shape}] and [${b.shape}] do not broadcast`);
    return size === 1 ? other : size;
  });
  const spread = ({ data }: Tensor, own: readonly number[]) => {
    if (elements(own) === elements(shape)) return { shape, data };
    const steps = strides(own).map((step, axis) => (own[axis] === 1 ? 0 : step));
    return view(data, shape, steps);
  };
  return [spread(a, left), spread(b, right)];
}

function binary(combine: (a: number, b: number) => number): Kernel {
  return (context) => {
    const [a, b] = broadcast(required(context, 0), required(context, 1));
    return { shape: a.shape, data: a.data.map((element, i) => combine(element, b.data[i]!)) };
  };
}

function unary(change: (x: number) => number): Kernel {
  return (context) => {
    const x = required(context, 0);
    return { shape: x.shape, data: x.data.map(change) };
  };
}

/** max(0, min(1, alpha * x + beta)), ONNX's and MLAS's. */
export function hardSigmoid(x: number, alpha: number, beta: number): number {
  return Math.max(0, Math.min(1, alpha * x + beta));
}

/** Abramowitz and Stegun 7.1.5, for |x| up to 4; beyond, it is 1 to 1.5e-8. */
function errorFunction(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let [sum, power] = [0, x];
  for (let n = 0; n < 100; n++) {
    sum += power / (2 * n + 1);
    power *= (-x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function castTo(type: number): (x: number) => number {
  switch (type) {
    case FLOAT:
      return (x) => x;
    case UINT8:
    case INT32:
      return Math.trunc;
    case BOOL:
      return (x) => Number(x !== 0);
    default:
      throw new Error(`Cast to type ${type} is not interpreted`);
  }
}

export const ELEMENTWISE: Kernels = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Max: binary(Math.max),
  Equal: binary((a, b) => Number(a === b)),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Relu: unary((x) => Math.max(x, 0)),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  // Its own series: the interpreter shares no code with the lowerings.
  Erf: unary(errorFunction),
  Softplus: unary((x) => (x > 0 ? x + Math.log(1 + Math.exp(-x)) : Math.log(1 + Math.exp(x)))),
  Clip(context) {
    const [least, most] = [required(context, 1).data[0]!, required(context, 2).data[0]!];
    return unary((x) => Math.min(Math.max(x, least), most))(context);
  },
  LeakyRelu(context) {
    const alpha = context.attributes.real("alpha", 0.01);
    return unary((x) => (x < 0 ? alpha * x : x))(context);
  },
  Elu(context) {
    const alpha = context.attributes.real("alpha", 1);
    return unary((x) => (x < 0 ? alpha * (Math.exp(x) - 1) : x))(context);
  },
  Identity: unary((x) => x),
  Cast: (context) => unary(castTo(context.attributes.integer("to")))(context),
  HardSigmoid(context) {
    const [alpha, beta] = [context.attributes.real("alpha", 0.2), context.attributes.real("beta", 0.5)];
    return unary((x) => hardSigmoid(x, alpha, beta))(context);
  },
};
