import { formatShape, ShapeError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { type Rule, requireSetting } from "../settings.ts";
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
 * Applies layers in sequence. Each is named by its kind and number within the list: conv1, bn1, relu1, conv2; or as `named`
 * says.
 *
 * @param where names the list in errors
 * @param prefix prepended to the layers' names, but not to those that `named` gives
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
  const nameOf = ({ kind }: Layer) => {
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    return `${prefix === "" ? "" : `${prefix}_`}${kind}${number}`;
  };
  return applyInOrder(where, layers, x, context, nameOf, visit);
}

function applyInOrder(
  where: string,
  layers: readonly Layer[],
  x: Value,
  context: LayerContext,
  nameOf: (layer: Layer, index: number) => string,
  visit: LayerVisitor = () => {},
): Value {
  let current = x;
  layers.forEach((layer, index) => {
    const name = layer.name ?? nameOf(layer, index);
    current = applyChild(`${where}, layer ${index}`, name, layer, current, context);
    visit(name, layer, current);
  });
  return current;
}

/** Applies one layer inside another. @throws ShapeError that begins with `where`, the layer and its input's shape */
export function applyChild(where: string, name: string, layer: Layer, x: Value, context: LayerContext): Value {
  try {
    return context.child(name, layer, x);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(`${where} (${name}: ${layer.description}) on x ${formatShape(x.shape)}`, error.message);
  }
}

/**
 * Layers in sequence, as one layer: PyTorch's Sequential. They are named by their place, "0", "1", ..., or as `named` says.
 *
 * @throws UserError when `layers` is not a list of layers
 */
export function sequential(layers: readonly Layer[]): Layer {
  requireLayers("sequential", "layers", layers);
  return {
    kind: "seq",
    description: `sequence of ${layers.length} layers`,
    forward: (x, context) => applyInOrder("sequential", layers, x, context, (_layer, index) => String(index)),
    toPytorch: () => ({ kind: "sequence" }),
  };
}

/** What a layer may be called: also a number, as in PyTorch's Sequential. */
const NAME: Rule = {
  allowed: "letters, digits and underscores",
  isGood: (value) => typeof value === "string" && /^\w+$/.test(value),
};

/**
 * A layer under a name of your choice: its tensors are called `name.weight`, not `conv1.weight`. So a network can have the
 * names of another program's, and take its weights.
 *
 * @throws UserError unless the name has letters, digits and underscores only
 */
export function named(name: string, layer: Layer): Layer {
  requireSetting("named", "the name", name, NAME);
  requireLayers("named", "layers", [layer]);
  return { ...layer, name };
}
