import {
  formatShape,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "../graph/shape.ts";
import { apply, type Op, type ReferenceTensor, type Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";
import { reshape } from "./reshape.ts";

/** Attributes of the operations on logits [N, classes] and labels int32 [N]. */
export type TargetAttributes = {
  /** Label smoothing (Szegedy et al. 2016): the target is (1 - s) for the label plus s / classes for every class. */
  readonly labelSmoothing: number;
  /**
   * Weight of each class, [classes], above 0: the target distribution of an image is multiplied by the weights, and the
   * mean over the batch is divided by the mean weight of the labels. Default: all 1.
   */
  readonly classWeights?: readonly number[];
};

/** @throws ShapeError unless there is one int32 label per row */
export function requireLabels(op: string, logits: Value, labels: Value): void {
  requireAxes(op, "logits", logits.shape, ["batch", "classes"]);
  if (!sameShape(labels.shape, logits.shape.slice(0, 1)) || labels.dtype !== "int32") {
    throw new ShapeError(
      op,
      `labels must be int32 [${logits.shape[0]}], one a row of logits ${formatShape(logits.shape)}, got ${labels.dtype} ${formatShape(labels.shape)}`,
    );
  }
}

/** @throws ShapeError unless 0 <= labelSmoothing < 1 and there is a weight above 0 for each class of logits */
export function requireTargets(op: string, logits: Value, { labelSmoothing, classWeights }: TargetAttributes): void {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ShapeError(op, `labelSmoothing must be at least 0 and below 1, got ${labelSmoothing}`);
  }
  if (!classWeights) return;
  if (classWeights.length !== logits.shape[1] || !classWeights.every((weight) => weight > 0 && weight < Infinity)) {
    throw new ShapeError(
      op,
      `classWeights must be ${logits.shape[1]} numbers above 0, one a class, got [${classWeights.join(", ")}]`,
    );
  }
}

/** Targets [N, classes] and the sum of each row's, [N, 1]: null where all are 1. */
interface WrittenTargets {
  readonly targets: string;
  readonly totals: string | null;
}

/** Writes the targets, with weighted classes divided by the mean weight of the labels. */
function writeTargets(
  writer: GraphWriter,
  labels: string,
  shape: Shape,
  { labelSmoothing, classWeights }: TargetAttributes,
): WrittenTargets {
  const [batch, classes] = [shape[0]!, shape[1]!];
  const indices = writer.int32s(
    Array.from({ length: classes }, (_, label) => label),
    [1, classes],
  );
  const isLabel = writer.node("Equal", [writer.reshape(labels, [batch, 1]), indices]);
  const oneHot = writer.cast(isLabel, "float32");
  const smoothed =
    labelSmoothing === 0
      ? oneHot
      : writer.node("Add", [
          writer.node("Mul", [oneHot, writer.scalar(1 - labelSmoothing)]),
          writer.scalar(labelSmoothing / classes),
        ]);
  if (!classWeights) return { targets: smoothed, totals: null };
  const weights = writer.floats([...classWeights], [1, classes]);
  const labelWeights = writer.reduceSum(writer.node("Mul", [oneHot, weights]), [0, 1]);
  const scale = writer.node("Div", [writer.scalar(batch), labelWeights]);
  const targets = writer.node("Mul", [writer.node("Mul", [smoothed, weights]), scale]);
  return { targets, totals: writer.reshape(writer.reduceSum(targets, [1]), [batch, 1]) };
}

/** Writes the scores [N, classes] less the largest of each row: their exponentials cannot overflow. */
function writeShifted(writer: GraphWriter, logits: string): string {
  return writer.node("Sub", [logits, writer.node("ReduceMax", [logits], { axes: [1], keepdims: 1 })]);
}

/** The targets in float64, [N, classes]. */
function referenceTargets(
  labels: ReferenceTensor,
  classes: number,
  { labelSmoothing, classWeights }: TargetAttributes,
): Float64Array {
  const weightOf = (label: number) => classWeights?.[label] ?? 1;
  const meanWeight = labels.data.reduce((sum, label) => sum + weightOf(label), 0) / labels.data.length;
  return Float64Array.from({ length: labels.data.length * classes }, (_, i) => {
    const isLabel = labels.data[Math.floor(i / classes)] === i % classes;
    return ((labelSmoothing / classes + (isLabel ? 1 - labelSmoothing : 0)) * weightOf(i % classes)) / meanWeight;
  });
}

/** log(softmax) of each row in float64; the row's maximum is subtracted first, so that nothing overflows. */
export function referenceLogSoftmax(logits: ReferenceTensor): Float64Array {
  const classes = logits.shape[1]!;
  const result = new Float64Array(logits.data.length);
  for (let row = 0; row < result.length; row += classes) {
    const scores = logits.data.subarray(row, row + classes);
    const largest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    scores.forEach((score, label) => {
      result[row + label] = score - largest - Math.log(total);
    });
  }
  return result;
}

/** Probabilities exp(logits) / sum(exp(logits)) of each row. [N, classes]. The derivative is that of `softmaxGradient`. */
export const softmaxOp: Op<Record<string, never>> = {
  name: "softmax",
  infer([logits]) {
    requireAxes("softmax", "logits", logits!.shape, ["batch", "classes"]);
    return { shape: logits!.shape };
  },
  gradient: (value, dy) => [softmaxGradient(value, dy)],
  lower: { standard: (writer, [logits]) => writer.node("Softmax", [logits], { axis: 1 }) },
  reference: ([logits]) => referenceLogSoftmax(logits!).map(Math.exp),
};

/**
 * dlogits = y * (dy - sum(dy * y)), the sum over each row; y is the result of `softmax`. From dy_i / dlogit_j =
 * y_i * ([i = j] - y_j).
 */
export const softmaxGradientOp: Op<Record<string, never>> = {
  name: "softmaxGradient",
  infer([y, dy]) {
    requireAxes("softmaxGradient", "y", y!.shape, ["batch", "classes"]);
    requireSameShape("softmaxGradient", "y and dy", y!.shape, dy!.shape);
    return { shape: y!.shape };
  },
  lower: {
    standard(writer, [y, dy], { shape }) {
      const mean = writeRowSums(writer, writer.node("Mul", [y, dy]), shape);
      return writer.node("Mul", [y, writer.node("Sub", [dy, mean])]);
    },
  },
  reference([y, dy]) {
    const means = referenceRowSums(
      y!.data.map((value, i) => value * dy!.data[i]!),
      y!.shape,
    );
    return y!.data.map((value, i) => value * (dy!.data[i]! - means[i]!));
  },
};

/** @param y result of `softmax`, [N, classes] @param dy of the same shape */
export function softmaxGradient(y: Value, dy: Value): Value {
  return apply(softmaxGradientOp, [y, dy], {});
}

/** The sum of each row, [N, 1]. */
function writeRowSums(writer: GraphWriter, x: string, shape: Shape): string {
  return writer.reshape(writer.reduceSum(x, [1]), [shape[0]!, 1]);
}

/** The sum of each row in all of its places, [N, classes]. */
function referenceRowSums(data: Float64Array, shape: Shape): Float64Array {
  const classes = shape[1]!;
  return data.map((_, i) => {
    const start = i - (i % classes);
    return data.subarray(start, start + classes).reduce((total, value) => total + value, 0);
  });
}

/** Softmax along the last axis. @param logits [N, classes] or [..., classes] @returns probabilities of the same shape */
export function softmax(logits: Value): Value {
  const { shape } = logits;
  if (shape.length <= 2) return apply(softmaxOp, [logits], {});
  const classes = shape.at(-1)!;
  return reshape(softmax(reshape(logits, [sizeOf(shape) / classes, classes])), shape);
}

/**
 * log(softmax(logits)) of each row, [N, classes], without the overflow and the log(0) of computing it in two steps. The
 * derivative is that of `logSoftmaxGradient`.
 */
export const logSoftmaxOp: Op<Record<string, never>> = {
  name: "logSoftmax",
  infer([logits]) {
    requireAxes("logSoftmax", "logits", logits!.shape, ["batch", "classes"]);
    return { shape: logits!.shape };
  },
  gradient: (value, dy) => [logSoftmaxGradient(value, dy)],
  lower: {
    standard: (writer, [logits]) => writer.node("LogSoftmax", [logits], { axis: 1 }),
    // LogSoftmax is missing there.
    gpu(writer, [logits], { shape }) {
      const shifted = writeShifted(writer, logits!);
      const totals = writeRowSums(writer, writer.node("Exp", [shifted]), shape);
      return writer.node("Sub", [shifted, writer.node("Log", [totals])]);
    },
  },
  reference: ([logits]) => referenceLogSoftmax(logits!),
};

/** Logarithms of the probabilities of each row. @param logits [N, classes] @returns [N, classes], at most 0 */
export function logSoftmax(logits: Value): Value {
  return apply(logSoftmaxOp, [logits], {});
}

/** dlogits = dy - exp(y) * sum(dy), the sum over each row; y is the result of `logSoftmax`. */
export const logSoftmaxGradientOp: Op<Record<string, never>> = {
  name: "logSoftmaxGradient",
  infer([y, dy]) {
    requireAxes("logSoftmaxGradient", "y", y!.shape, ["batch", "classes"]);
    requireSameShape("logSoftmaxGradient", "y and dy", y!.shape, dy!.shape);
    return { shape: y!.shape };
  },
  lower: {
    standard(writer, [y, dy], { shape }) {
      const totals = writeRowSums(writer, dy!, shape);
      return writer.node("Sub", [dy, writer.node("Mul", [writer.node("Exp", [y]), totals])]);
    },
  },
  reference([y, dy]) {
    const totals = referenceRowSums(dy!.data, y!.shape);
    return dy!.data.map((value, i) => value - Math.exp(y!.data[i]!) * totals[i]!);
  },
};

/** @param y result of `logSoftmax`, [N, classes] @param dy of the same shape */
export function logSoftmaxGradient(y: Value, dy: Value): Value {
  return apply(logSoftmaxGradientOp, [y, dy], {});
}

type ClassTargetAttributes = { readonly classes: number; readonly labelSmoothing: number };

/**
 * The target distribution of each label: labels int32 [N] to [N, classes], each row with 1 - s at the label plus
 * s / classes everywhere. Labels are data, so without a derivative.
 */
export const classTargetsOp: Op<ClassTargetAttributes> = {
  name: "classTargets",
  infer([labels], { classes }) {
    requireAxes("classTargets", "labels", labels!.shape, ["batch"]);
    if (labels!.dtype !== "int32") throw new ShapeError("classTargets", `labels must be int32, got ${labels!.dtype}`);
    return { shape: [labels!.shape[0]!, classes] };
  },
  lower: {
    standard: (writer, [labels], { shape, attributes }) => writeTargets(writer, labels!, shape, attributes).targets,
  },
  reference: ([labels], { attributes }) => referenceTargets(labels!, attributes.classes, attributes),
};

/** @param labels int32 [N] @returns target distributions [N, classes] */
export function classTargets(labels: Value, attributes: ClassTargetAttributes): Value {
  return apply(classTargetsOp, [labels], attributes);
}

/**
 * The mean over the batch of -sum(target * log(softmax(logits))): PyTorch's cross_entropy with label smoothing and class
 * weights. logits [N, classes], labels int32 [N], result a scalar. The derivative is dlogits = (softmax * sum(target) -
 * target) * dloss / N; without class weights a row's targets sum to 1.
 */
export const softmaxCrossEntropyOp: Op<TargetAttributes> = {
  name: "softmaxCrossEntropy",
  infer([logits, labels], attributes) {
    requireLabels("softmaxCrossEntropy", logits!, labels!);
    requireTargets("softmaxCrossEntropy", logits!, attributes);
    return { shape: [] };
  },
  gradient: ({ inputs: [logits, labels], attributes }, dy) => [
    softmaxCrossEntropyGradient(logits!, labels!, dy, attributes),
    undefined,
  ],
  lower: {
    standard(writer, [logits, labels], { inputs, attributes }) {
      const logProbabilities = writer.node("LogSoftmax", [logits], { axis: 1 });
      const { targets } = writeTargets(writer, labels!, inputs[0]!.shape, attributes);
      const perImage = writer.reduceSum(writer.node("Mul", [logProbabilities, targets]), [1]);
      return writer.node("Mul", [writer.reduceSum(perImage, [0]), writer.scalar(-1 / inputs[0]!.shape[0]!)]);
    },
    // LogSoftmax is missing there. A row's loss is sum(target) * log(sum(exp(s))) - sum(target * s) of the shifted
    // scores s.
    gpu(writer, [logits, labels], { inputs, attributes }) {
      const shifted = writeShifted(writer, logits!);
      const { targets, totals } = writeTargets(writer, labels!, inputs[0]!.shape, attributes);
      const plain = writer.node("ReduceLogSumExp", [shifted], { axes: [1], keepdims: 0 });
      const logTotal = totals ? writer.node("Mul", [plain, writer.reshape(totals, [inputs[0]!.shape[0]!])]) : plain;
      const atTarget = writer.reduceSum(writer.node("Mul", [shifted, targets]), [1]);
      const perImage = writer.node("Sub", [logTotal, atTarget]);
      return writer.node("ReduceMean", [perImage], { axes: [0], keepdims: 0 });
    },
  },
  reference([logits, labels], { attributes }) {
    const [batch, classes] = [logits!.shape[0]!, logits!.shape[1]!];
    const targets = referenceTargets(labels!, classes, attributes);
    const total = referenceLogSoftmax(logits!).reduce((sum, value, i) => sum - value * targets[i]!, 0);
    return Float64Array.of(total / batch);
  },
};

/**
 * PyTorch's cross_entropy, a scalar.
 *
 * @param logits [N, classes] @param labels int32 [N] @param attributes labelSmoothing: 0 to below 1; classWeights
 */
export function softmaxCrossEntropy(logits: Value, labels: Value, attributes: TargetAttributes): Value {
  return apply(softmaxCrossEntropyOp, [logits, labels], attributes);
}

/** dlogits = (softmax(logits) * sum(target) - target) * dloss / N. logits [N, classes], labels int32 [N], dloss a scalar. */
export const softmaxCrossEntropyGradientOp: Op<TargetAttributes> = {
  name: "softmaxCrossEntropyGradient",
  infer([logits, labels, dloss], attributes) {
    requireLabels("softmaxCrossEntropyGradient", logits!, labels!);
    requireTargets("softmaxCrossEntropyGradient", logits!, attributes);
    requireAxes("softmaxCrossEntropyGradient", "dloss", dloss!.shape, []);
    return { shape: logits!.shape };
  },
  lower: {
    standard(writer, [logits, labels, dloss], { inputs, attributes }) {
      const probabilities = writer.node("Softmax", [logits], { axis: 1 });
      const { targets, totals } = writeTargets(writer, labels!, inputs[0]!.shape, attributes);
      const scaled = totals ? writer.node("Mul", [probabilities, totals]) : probabilities;
      const difference = writer.node("Sub", [scaled, targets]);
      const share = writer.node("Mul", [dloss, writer.scalar(1 / inputs[0]!.shape[0]!)]);
      return writer.node("Mul", [difference, share]);
    },
  },
  reference([logits, labels, dloss], { attributes }) {
    const [batch, classes] = [logits!.shape[0]!, logits!.shape[1]!];
    const targets = referenceTargets(labels!, classes, attributes);
    const totalOf = (row: number) =>
      targets.subarray(row * classes, (row + 1) * classes).reduce((sum, target) => sum + target, 0);
    return referenceLogSoftmax(logits!).map(
      (value, i) => ((Math.exp(value) * totalOf(Math.floor(i / classes)) - targets[i]!) * dloss!.data[0]!) / batch,
    );
  },
};

export function softmaxCrossEntropyGradient(
  logits: Value,
  labels: Value,
  dloss: Value,
  attributes: TargetAttributes,
): Value {
  return apply(softmaxCrossEntropyGradientOp, [logits, labels, dloss], attributes);
}

/**
 * How many rows of logits [N, classes] have their maximum at the label, int32 [N]; among equal maxima the first counts.
 */
export const countCorrectOp: Op<Record<string, never>> = {
  name: "countCorrect",
  infer([logits, labels]) {
    requireLabels("countCorrect", logits!, labels!);
    return { shape: [] };
  },
  lower: {
    standard(writer, [logits, labels]) {
      const predicted = writer.cast(writer.node("ArgMax", [logits], { axis: 1, keepdims: 0 }), "int32");
      return writer.reduceSum(writer.cast(writer.node("Equal", [predicted, labels]), "float32"), [0]);
    },
    // ArgMax gives int64, which is missing there: the first class with the largest score is the smallest of all that have it.
    gpu(writer, [logits, labels], { inputs: [scores] }) {
      const classes = scores!.shape[1]!;
      const isLargest = writer.node("Equal", [writeShifted(writer, logits!), writer.scalar(0)]);
      const indices = writer.floats(
        Array.from({ length: classes }, (_, label) => label),
        [1, classes],
      );
      const candidates = writer.node("Where", [isLargest, indices, writer.scalar(classes)]);
      const predicted = writer.node("ReduceMin", [candidates], { axes: [1], keepdims: 0 });
      const isCorrect = writer.node("Equal", [predicted, writer.cast(labels!, "float32")]);
      return writer.reduceSum(writer.cast(isCorrect, "float32"), [0]);
    },
  },
  reference([logits, labels]) {
    const classes = logits!.shape[1]!;
    let correct = 0;
    labels!.data.forEach((label, row) => {
      const scores = logits!.data.subarray(row * classes, (row + 1) * classes);
      if (scores.indexOf(Math.max(...scores)) === label) correct++;
    });
    return Float64Array.of(correct);
  },
};

export function countCorrect(logits: Value, labels: Value): Value {
  return apply(countCorrectOp, [logits, labels], {});
}
