import { formatShape, requireAxes, ShapeError, sameShape } from "../graph/shape.ts";
import type { ReferenceTensor, Value } from "../graph/value.ts";
import type { GraphWriter } from "../onnx/graph-writer.ts";

/** What the operations on logits [N, classes] and labels int32 [N] share. */
export type SmoothingAttributes = {
  /** Label smoothing (Szegedy et al. 2016): the target is (1 - s) for the label plus s / classes for every class. */
  readonly labelSmoothing: number;
};

/** @throws ShapeError unless there is one int32 label a row */
export function requireLabels(op: string, logits: Value, labels: Value): void {
  requireAxes(op, "logits", logits.shape, ["batch", "classes"]);
  if (!sameShape(labels.shape, logits.shape.slice(0, 1)) || labels.dtype !== "int32") {
    throw new ShapeError(
      op,
      `labels must be int32 [${logits.shape[0]}], one a row of logits ${formatShape(logits.shape)}, got ${labels.dtype} ${formatShape(labels.shape)}`,
    );
  }
}

/** @throws ShapeError unless 0 <= labelSmoothing < 1 */
export function requireSmoothing(op: string, { labelSmoothing }: SmoothingAttributes): void {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ShapeError(op, `labelSmoothing must be at least 0 and below 1, got ${labelSmoothing}`);
  }
}

/** Writes the target distribution [N, classes]. */
export function writeTargets(
  writer: GraphWriter,
  labels: string,
  logits: Value,
  { labelSmoothing }: SmoothingAttributes,
): string {
  const [batch, classes] = [logits.shape[0]!, logits.shape[1]!];
  const indices = writer.int32s(
    Array.from({ length: classes }, (_, label) => label),
    [1, classes],
  );
  const isLabel = writer.node("Equal", [writer.reshape(labels, [batch, 1]), indices]);
  const oneHot = writer.cast(isLabel, "float32");
  if (labelSmoothing === 0) return oneHot;
  const scaled = writer.node("Mul", [oneHot, writer.scalar(1 - labelSmoothing)]);
  return writer.node("Add", [scaled, writer.scalar(labelSmoothing / classes)]);
}

/** The target distribution in float64, [N, classes]. */
export function referenceTargets(
  labels: ReferenceTensor,
  classes: number,
  { labelSmoothing }: SmoothingAttributes,
): Float64Array {
  return Float64Array.from({ length: labels.data.length * classes }, (_, i) => {
    const isLabel = labels.data[Math.floor(i / classes)] === i % classes;
    return labelSmoothing / classes + (isLabel ? 1 - labelSmoothing : 0);
  });
}

/** log(softmax) of each row in float64, by the shifted formula that cannot overflow. */
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
