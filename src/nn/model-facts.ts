import { buildModel, type ImageTask, type LayerFacts, type Model, withoutNormalization } from "./model.ts";

/** Size and cost of a network. */
export interface ModelFacts {
  /** Number of trainable parameters. */
  readonly parameters: number;
  /** Multiply-adds of the forward pass of one image. */
  readonly multiplyAdds: number;
  readonly layers: readonly LayerFacts[];
}

/**
 * Counts a network's parameters and multiply-adds, in total and per layer.
 *
 * @throws ShapeError that names the layer when the layers do not fit each other or the images
 */
export function modelFacts(model: Model, task: ImageTask): ModelFacts {
  const { layers } = buildModel(model, {
    task,
    // Batch norm in training needs more than one image.
    batchSize: 2,
    mode: "training",
    normalization: withoutNormalization(task),
  });
  const total = (count: (layer: LayerFacts) => number) => layers.reduce((sum, layer) => sum + count(layer), 0);
  return { parameters: total((layer) => layer.parameters), multiplyAdds: total((layer) => layer.multiplyAdds), layers };
}
