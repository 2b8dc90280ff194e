import { formatShape, ShapeError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** Called after each layer of a list, with its result `y`. */
export type LayerVisitor = (name: string, layer: Layer, y: Value) => void;

/**
 * Applies layers in sequence. Each is named by its kind and number within the list: conv1, bn1, relu1, conv2.
 *
 * @param where names the list in errors
 * @param prefix prepended to the layers' names
 * @throws ShapeError that names the layer, its index and its input's shape
 */
export function runSequence(
  where: string,
  layers: readonly Layer[],
  x: Value,
  context: LayerContext,
  prefix = "",
  visit: LayerVisitor = () => {},
): Value {
  const counts = new Map<string, number>();
  let current = x;
  layers.forEach((layer, index) => {
    const number = (counts.get(layer.kind) ?? 0) + 1;
    counts.set(layer.kind, number);
    const name = `${prefix === "" ? "" : `${prefix}_`}${layer.kind}${number}`;
    const before = current;
    try {
      current = context.child(name, layer, current);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new ShapeError(
        `${where}, layer ${index} (${name}: ${layer.description}) on x ${formatShape(before.shape)}`,
        error.message,
      );
    }
    visit(name, layer, current);
  });
  return current;
}
