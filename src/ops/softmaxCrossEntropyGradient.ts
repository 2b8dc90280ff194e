import { requireAxes } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import {
  referenceLogSoftmax,
  referenceTargets,
  requireLabels,
  requireSmoothing,
  type SmoothingAttributes,
  writeTargets,
} from "./labels.ts";

/** dlogits = (softmax(logits) - target) * dloss / N. logits [N, classes], labels int32 [N], dloss a scalar. */
export const softmaxCrossEntropyGradientOp: Op<SmoothingAttributes> = {
  name: "softmaxCrossEntropyGradient",
  infer([logits, labels, dloss], attributes) {
    requireLabels("softmaxCrossEntropyGradient", logits!, labels!);
    requireSmoothing("softmaxCrossEntropyGradient", attributes);
    requireAxes("softmaxCrossEntropyGradient", "dloss", dloss!.shape, []);
    return { shape: logits!.shape };
  },
  lower: {
    standard(writer, [logits, labels, dloss], { inputs, attributes }) {
      const probabilities = writer.node("Softmax", [logits], { axis: 1 });
      const difference = writer.node("Sub", [probabilities, writeTargets(writer, labels!, inputs[0]!, attributes)]);
      const share = writer.node("Mul", [dloss, writer.scalar(1 / inputs[0]!.shape[0]!)]);
      return writer.node("Mul", [difference, share]);
    },
  },
  reference([logits, labels, dloss], { attributes }) {
    const [batch, classes] = [logits!.shape[0]!, logits!.shape[1]!];
    const targets = referenceTargets(labels!, classes, attributes);
    return referenceLogSoftmax(logits!).map((value, i) => ((Math.exp(value) - targets[i]!) * dloss!.data[0]!) / batch);
  },
};

export function softmaxCrossEntropyGradient(
  logits: Value,
  labels: Value,
  dloss: Value,
  attributes: SmoothingAttributes,
): Value {
  return apply(softmaxCrossEntropyGradientOp, [logits, labels, dloss], attributes);
}
