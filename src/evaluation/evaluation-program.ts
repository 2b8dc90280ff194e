import type { Program } from "../compile/program.ts";
import { buildModel, type ImageTask, type Model } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalizePixels.ts";

/**
 * A network in use, its tensors given from outside: pixels uint8 [batch, C, H, W] in, `logits` [batch, classes] out. For
 * the validation after each epoch, where the parameters are new each time.
 */
export function evaluationProgram(
  model: Model,
  options: { task: ImageTask; batchSize: number; normalization: PixelNormalization },
): Program {
  const graph = buildModel(model, { ...options, mode: "inference" });
  return {
    name: `${model.name} evaluation`,
    feeds: [graph.pixels],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: { logits: graph.logits },
  };
}
