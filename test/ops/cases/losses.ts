import { evaluateReference } from "../../../src/graph/evaluate.ts";
import type { Value } from "../../../src/graph/value.ts";
import {
  classTargets,
  classTargetsOp,
  countCorrect,
  countCorrectOp,
  logSoftmax,
  logSoftmaxGradient,
  logSoftmaxGradientOp,
  logSoftmaxOp,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyGradient,
  softmaxCrossEntropyGradientOp,
  softmaxCrossEntropyOp,
  softmaxGradient,
  softmaxGradientOp,
  softmaxOp,
  type TargetAttributes,
} from "../../../src/ops/loss.ts";
import { type Bound, exact, FLOAT32_EPSILON, type OpCase, ofResult } from "../../support/op-case.ts";
import { feedsOf, literal, type TestTensor, tensor } from "../../support/tensors.ts";

const SIZES: readonly (readonly [edge: string, batch: number, classes: number])[] = [
  ["one row, one class", 1, 1],
  ["one row", 1, 10],
  ["two classes", 3, 2],
  ["prime", 5, 7],
  ["prime", 7, 13],
  ["not divisible by eight", 9, 10],
  ["not divisible by eight", 12, 17],
  ["batch of 97", 97, 10],
  ["many classes", 4, 129],
];

/** Error of the approximated exponential function, in roundings. */
const EXPONENTIAL_ROUNDINGS = 4;

const SMALLEST_NORMAL = 2 ** -126;

export function lossCases(): OpCase[] {
  const sized = SIZES.flatMap(([edge, batch, classes]) =>
    (["uniform", "integers", "zeros"] as const).flatMap((filling) => {
      const name = `${edge}, ${filling}: [${batch}, ${classes}]`;
      return casesOf(name, tensor("logits", [batch, classes], filling), labels(batch, classes));
    }),
  );
  const [large, small] = [1000, -1000].map((offset) =>
    literal(
      "logits",
      [3, 4],
      Array.from({ length: 12 }, (_, i) => offset + ((i * 5) % 7)),
    ),
  );
  return [
    ...sized,
    ...casesOf("logits whose exponentials overflow", large!, labels(3, 4)),
    ...casesOf("logits whose exponentials vanish", small!, labels(3, 4)),
    ...casesOf(
      "logits far apart",
      literal("logits", [2, 3], [60, 0, -60, -60, 0, 60]),
      literal("labels", [2], [2, 0], "int32"),
    ),
  ];
}

function labels(batch: number, classes: number): TestTensor {
  return tensor("labels", [batch], "labels", { limit: classes });
}

function casesOf(name: string, logits: TestTensor, labels: TestTensor): OpCase[] {
  const [batch, classes] = [logits.value.shape[0]!, logits.value.shape[1]!];
  const probabilities = softmax(logits.value);
  const upstream = tensor("upstream", [], "positive");
  const range = Math.max(...logits.data) - Math.min(...logits.data);
  const common = { isBlocked: false, inputs: [logits, labels] };
  // A logit less the largest is rounded (by up to the range), then raised, added up, and divided by the sum.
  const roundings = range + EXPONENTIAL_ROUNDINGS + classes + 2;
  const counted = {
    ...common,
    op: countCorrectOp,
    name,
    y: countCorrect(logits.value, labels.value),
    bound: exact,
  };
  const classWeights = Array.from({ length: classes }, (_, label) => 1 + (label % 3));
  const targets: TargetAttributes[] = [
    ...[0, 0.1, 0.5].map((labelSmoothing) => ({ labelSmoothing })),
    { labelSmoothing: 0.1, classWeights },
  ];
  const losses = targets.flatMap((attributes): OpCase[] => [
    {
      ...common,
      op: softmaxCrossEntropyOp,
      name: `${targetsText(attributes)}, ${name}`,
      y: softmaxCrossEntropy(logits.value, labels.value, attributes),
      // Each log-probability is at most range + log(classes), wrong by the roundings of its sum; the mean adds its own.
      // A target of a weighted class is at most 3, with three more roundings.
      bound: absolute(
        attributes.classWeights
          ? (roundings + classes + batch + 3) * (range + Math.log(classes) + 1) * 3
          : (roundings + classes + batch) * (range + Math.log(classes) + 1),
      ),
    },
    {
      op: softmaxCrossEntropyGradientOp,
      name: `${targetsText(attributes)}, ${name}`,
      isBlocked: false,
      inputs: [logits, labels, upstream],
      y: softmaxCrossEntropyGradient(logits.value, labels.value, upstream.value, attributes),
      // A probability and its target are at most 1 (3 in a weighted class, with more roundings) and share the upstream,
      // up to 1.5, over the batch.
      bound: attributes.classWeights
        ? scaledBy(probabilities, roundings + 8 + batch + classes, 8 + batch + classes, (3 * 1.5) / batch)
        : scaledBy(probabilities, roundings + 4, 4, 1.5 / batch),
    },
  ]);
  const y = { ...common, op: softmaxOp, name, inputs: [logits], y: probabilities };
  return [
    { ...y, bound: scaledBy(probabilities, roundings, 0, 1) },
    counted,
    ...losses,
    // Of logits further apart the derivative is less than its rounding.
    ...(range < 20 ? derivativesOf(name, logits) : []),
    {
      op: logSoftmaxOp,
      name,
      isBlocked: false,
      inputs: [logits],
      y: logSoftmax(logits.value),
      bound: absolute((roundings + 2) * (range + Math.log(classes) + 1)),
    },
    ...[0, 0.1, 0.5].map(
      (labelSmoothing): OpCase => ({
        op: classTargetsOp,
        name: `smoothing ${labelSmoothing}, ${name}`,
        isBlocked: false,
        inputs: [labels],
        y: classTargets(labels.value, { classes, labelSmoothing }),
        bound: ofResult(3),
      }),
    ),
  ];
}

/** The derivatives of softmax and of its logarithm, of results as they occur. */
function derivativesOf(name: string, logits: TestTensor): OpCase[] {
  const { shape } = logits.value;
  const classes = shape[1]!;
  const dy = tensor("dy", shape, "uniform");
  const [logs] = evaluateReference([logSoftmax(logits.value)], feedsOf([logits]));
  const made = (values: Float64Array) => literal("y", shape, [...values]);
  const [probabilities, logarithms] = [made(logs!.map(Math.exp)), made(logs!)];
  const common = { name, isBlocked: false };
  return [
    {
      ...common,
      op: softmaxGradientOp,
      inputs: [probabilities, dy],
      y: softmaxGradient(probabilities.value, dy.value),
      // A sum of products of at most 1 in all, a difference of at most 2, and a product with the probability.
      bound: scaledBy(probabilities.value, classes + 6, 0, 2),
    },
    {
      ...common,
      op: logSoftmaxGradientOp,
      inputs: [logarithms, dy],
      y: logSoftmaxGradient(logarithms.value, dy.value),
      // The sum is at most as large as there are classes, and is wrong by its roundings and those of the exponential.
      bound: absolute((classes + EXPONENTIAL_ROUNDINGS + 3) * (classes + 1)),
    },
  ];
}

function targetsText({ labelSmoothing, classWeights }: TargetAttributes): string {
  return `smoothing ${labelSmoothing}${classWeights ? ", class weights" : ""}`;
}

/** The same number of epsilons for every element. */
function absolute(epsilons: number): Bound {
  return ({ expected }) => expected.map(() => epsilons * FLOAT32_EPSILON);
}

/**
 * `roundings` of each probability and `targetRoundings` of a target of at most 1, all times `factor`; and the smallest
 * normal float32, below which a probability may become 0.
 */
function scaledBy(probabilities: Value, roundings: number, targetRoundings: number, factor: number): Bound {
  return ({ inputs }) => {
    const [values] = evaluateReference([probabilities], feedsOf(inputs));
    return values!.map((p) => (roundings * p + targetRoundings) * factor * FLOAT32_EPSILON + SMALLEST_NORMAL);
  };
}
