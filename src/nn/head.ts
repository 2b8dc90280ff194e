import { sameShape } from "../graph/shape.ts";
import { buildModel, type ImageTask, type Model, withoutNormalization } from "./model.ts";

/**
 * The names of a network's head: the tensors whose shapes depend on the number of classes. Weights that were trained for
 * other classes fit everywhere else.
 */
export function headTensors(model: Model, task: ImageTask): string[] {
  const normalization = withoutNormalization(task);
  const tensorsFor = (classes: number) =>
    buildModel(model, { task: { ...task, classes }, batchSize: 1, mode: "inference", normalization }).tensors;
  const [one, other] = [tensorsFor(task.classes), tensorsFor(task.classes + 1)];
  return one.flatMap(({ name, value }, i) => (sameShape(value.shape, other[i]!.value.shape) ? [] : [name]));
}
