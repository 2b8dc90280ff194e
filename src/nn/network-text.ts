import { graphText } from "../graph/graph-text.ts";
import { buildModel, type ImageTask, type Model, withoutNormalization } from "./model.ts";

/**
 * A model's training graph as text (`graphText`). Two models with the same text are the same network, however they are coded; the names of layers do not matter, those of tensors do.
 *
 * @throws ShapeError that names the layer when the layers do not fit each other or the images
 */
export function networkText(model: Model, task: ImageTask): string {
  const graph = buildModel(model, {
    task,
    batchSize: 2, // Batch norm in training needs more than one image.
    mode: "training",
    normalization: withoutNormalization(task),
  });
  return graphText([graph.logits, ...graph.buffers.flatMap(({ next }) => next ?? [])]);
}
