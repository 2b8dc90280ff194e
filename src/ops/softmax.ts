import { requireAxes } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { referenceLogSoftmax } from "./labels.ts";

/** Probabilities exp(logits) / sum(exp(logits)) of each row. [N, classes]. For inference: training uses the loss itself. */
export const softmaxOp: Op<Record<string, never>> = {
  name: "softmax",
  infer([logits]) {
    requireAxes("softmax", "logits", logits!.shape, ["batch", "classes"]);
    return { shape: logits!.shape };
  },
  lower: { standard: (writer, [logits]) => writer.node("Softmax", [logits], { axis: 1 }) },
  reference: ([logits]) => referenceLogSoftmax(logits!).map(Math.exp),
};

export function softmax(logits: Value): Value {
  return apply(softmaxOp, [logits], {});
}
