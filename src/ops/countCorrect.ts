import { apply, type Op, type Value } from "../graph/value.ts";
import { requireLabels } from "./labels.ts";

/** How many rows of logits [N, classes] have their largest score at the label, int32 [N]; the first of equal ones counts. */
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
