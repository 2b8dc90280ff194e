import { topologicalOrder, type Value } from "../graph/value.ts";
import { buildModel, type ImageTask, type Model, withoutNormalization } from "./model.ts";

/**
 * A model's training graph as text: each operation with its settings, shape and inputs, in order. Two models with the
 * same text are the same network, however they are coded; the names of layers do not matter, those of tensors do.
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
  const outputs = [graph.logits, ...graph.buffers.flatMap(({ next }) => next ?? [])];
  const number = new Map<Value, number>();
  const lines = topologicalOrder(outputs).map((value, i) => {
    number.set(value, i);
    const { op, inputs, attributes, shape, dtype } = value;
    const from = inputs.map((input) => number.get(input)).join(" ");
    return `${i} ${op.name} ${JSON.stringify(attributes)} ${dtype} [${shape.join(", ")}] <- ${from}`;
  });
  return [...lines, `-> ${outputs.map((output) => number.get(output)).join(" ")}`].join("\n");
}
