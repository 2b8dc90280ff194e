import { formatShape, ShapeError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { requireSetting } from "../settings.ts";
import type { Layer, LayerContext } from "./layer.ts";

/** @throws UserError (exit code 2) unless `layers` is a list of layers: a layer's function must be called */
export function requireLayers(owner: string, name: string, layers: unknown): asserts layers is readonly Layer[] {
  const hint = "a list of layers, such as [conv2d(32, { kernelSize: 3 }), relu()]";
  requireSetting(owner, name, layers, { allowed: hint, isGood: Array.isArray });
  for (const [index, layer] of (layers as readonly unknown[]).entries()) {
    requireSetting(owner, `${name}[${index}]`, layer, {
      allowed: `a layer${typeof layer === "function" ? "; call the function: relu(), not relu" : ""}`,
      isGood: (value) => typeof value === "object" && value !== null && "forward" in value && "kind" in value,
    });
  }
}

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
