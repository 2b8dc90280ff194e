import type { Op, Value } from "../../../src/graph/value.ts";
import {
  clip,
  clipOp,
  elu,
  eluOp,
  erf,
  erfOp,
  gelu,
  hardSigmoid,
  hardSwish,
  isPositive,
  isPositiveOp,
  leakyRelu,
  leakyReluOp,
  relu6,
  sigmoid,
  sigmoidOp,
  softplus,
  softplusOp,
  tanh,
  tanhOp,
} from "../../../src/ops/activations.ts";
import { multiply } from "../../../src/ops/elementwise.ts";
import { constant } from "../../../src/ops/leaves.ts";
import { type Bound, blockedCopy, exact, FLOAT32_EPSILON, type OpCase } from "../../support/op-case.ts";
import { literal, tensor } from "../../support/tensors.ts";
import type { DerivativeCase } from "./derivatives.ts";

/** Roundings of ONNX Runtime's approximations, of numbers up to 1 or as large as the result. */
const ROUNDINGS = 8;
const approximate: Bound = ({ expected }) =>
  expected.map((element) => ROUNDINGS * FLOAT32_EPSILON * Math.max(1, Math.abs(element)));

interface Activation {
  readonly name: string;
  readonly op: Op;
  readonly build: (x: Value) => Value;
  readonly bound: Bound;
}

const ACTIVATIONS: readonly Activation[] = [
  { name: "sigmoid", op: sigmoidOp, build: sigmoid, bound: approximate },
  { name: "tanh", op: tanhOp, build: tanh, bound: approximate },
  { name: "erf", op: erfOp, build: erf, bound: approximate },
  { name: "softplus", op: softplusOp, build: softplus, bound: approximate },
  { name: "isPositive", op: isPositiveOp, build: isPositive, bound: exact },
  { name: "clip", op: clipOp, build: (x) => clip(x, -0.5, 2), bound: exact },
  { name: "relu6", op: clipOp, build: relu6, bound: exact },
  { name: "leakyRelu", op: leakyReluOp, build: leakyRelu, bound: approximate },
  { name: "leakyRelu 0.2", op: leakyReluOp, build: (x) => leakyRelu(x, 0.2), bound: approximate },
  { name: "elu", op: eluOp, build: elu, bound: approximate },
  { name: "elu 0.5", op: eluOp, build: (x) => elu(x, 0.5), bound: approximate },
  { name: "gelu", op: erfOp, build: gelu, bound: approximate },
  { name: "gelu, tanh", op: tanhOp, build: (x) => gelu(x, "tanh"), bound: approximate },
  { name: "hardSigmoid", op: clipOp, build: hardSigmoid, bound: approximate },
  { name: "hardSwish", op: clipOp, build: hardSwish, bound: approximate },
];

/** Around 0, where each function bends, and where each is flat or a line. */
const EDGES = [0, -0, 0.5, -0.5, 1, -1, 2.5, -2.5, 3, -3, 6, -6, 9, -9, 30, -30, 90, -90, 1e-6, -1e-6];

export function activationCases(block: number): OpCase[] {
  const edges = literal("x", [1, block, 4, 5], Array.from({ length: block }, () => EDGES).flat());
  const images = tensor("x", [2, block, 3, 2], "uniform");
  const vector = tensor("x", [7], "uniform");
  return ACTIVATIONS.flatMap(({ name, op, build, bound }) =>
    [false, true].flatMap((isBlocked): OpCase[] => {
      const place = isBlocked ? blockedCopy : (x: Value) => x;
      const at = isBlocked ? "blocked images" : "images";
      return [
        { op, name: `${name} at the edges, ${at}`, inputs: [edges], y: build(place(edges.value)), isBlocked, bound },
        { op, name: `${name}, ${at}`, inputs: [images], y: build(place(images.value)), isBlocked, bound },
        ...(isBlocked
          ? []
          : [{ op, name: `${name} of a vector`, inputs: [vector], y: build(vector.value), isBlocked, bound }]),
      ];
    }),
  );
}

/** With inputs from -7 to 7, none of them where a function bends. */
export function activationDerivatives(): DerivativeCase[] {
  return ACTIVATIONS.filter(({ op }) => op !== isPositiveOp).map(({ name, op, build }) => {
    const x = tensor("x", [3, 13], "uniform");
    return { op, name, y: build(multiply(x.value, constant(7))), by: [x] };
  });
}
