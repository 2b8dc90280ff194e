import { apply, type Op, type Value } from "../graph/value.ts";
import {
  referenceLogSoftmax,
  referenceTargets,
  requireLabels,
  requireSmoothing,
  type SmoothingAttributes,
  writeTargets,
} from "./labels.ts";
import { softmaxCrossEntropyGradient } from "./softmaxCrossEntropyGradient.ts";

/**
 * The mean over the batch of -sum(target * log(softmax(logits))): PyTorch's cross_entropy with label smoothing. logits
 * [N, classes], labels int32 [N], result a scalar. Its derivative is (softmax - target) / N, times that of the mean.
 */
export const softmaxCrossEntropyOp: Op<SmoothingAttributes> = {
  name: "softmaxCrossEntropy",
  infer([logits, labels], attributes) {
    requireLabels("softmaxCrossEntropy", logits!, labels!);
    requireSmoothing("softmaxCrossEntropy", attributes);
    return { shape: [] };
  },
  gradient: ({ inputs: [logits, labels], attributes }, dy) => [
    softmaxCrossEntropyGradient(logits!, labels!, dy, attributes),
    undefined,
  ],
  lower: {
    standard(writer, [logits, labels], { inputs, attributes }) {
      const logProbabilities = writer.node("LogSoftmax", [logits], { axis: 1 });
      const targets = writeTargets(writer, labels!, inputs[0]!, attributes);
      const perImage = writer.reduceSum(writer.node("Mul", [logProbabilities, targets]), [1]);
      return writer.node("Mul", [writer.reduceSum(perImage, [0]), writer.scalar(-1 / inputs[0]!.shape[0]!)]);
    },
  },
  reference([logits, labels], { attributes }) {
    const [batch, classes] = [logits!.shape[0]!, logits!.shape[1]!];
    const targets = referenceTargets(labels!, classes, attributes);
    const total = referenceLogSoftmax(logits!).reduce((sum, value, i) => sum - value * targets[i]!, 0);
    return Float64Array.of(total / batch);
  },
};

export function softmaxCrossEntropy(logits: Value, labels: Value, attributes: SmoothingAttributes): Value {
  return apply(softmaxCrossEntropyOp, [logits, labels], attributes);
}
