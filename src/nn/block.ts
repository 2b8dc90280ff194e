import type { Value } from "../graph/value.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { applyChild, requireLayers } from "./sequential.ts";

/** A layer that is made of others in any way, not only in sequence. */
export interface BlockOptions<Name extends string> {
  /** As `Layer`'s. */
  readonly kind: string;
  /** As `Layer`'s. */
  readonly description: string;
  /** The layers inside, by the names that their tensors get. */
  readonly layers: Readonly<Record<Name, Layer>>;
  /**
   * Computes the result of operations and of the layers inside. `apply("conv1", x)` applies one of them; each at most once.
   */
  forward(x: Value, apply: (name: Name, x: Value) => Value, context: LayerContext): Value;
  /** The same in PyTorch: the lines of `forward(self, x)`, with the layers as attributes of `self`, the last one a `return`. */
  readonly pytorch?: readonly string[];
}

/**
 * A layer made of others: its shape of computation is a function, its tensors those of the layers inside. `residual` and
 * `sequential` are special cases.
 *
 * @throws UserError when one of `layers` is not a layer
 */
export function block<Name extends string>({ kind, description, layers, forward, pytorch }: BlockOptions<Name>): Layer {
  requireLayers("block", "layers", Object.values(layers));
  return {
    kind,
    description,
    forward: (x, context) =>
      forward(x, (name, input) => applyChild(description, name, layers[name], input, context), context),
    ...(pytorch ? { toPytorch: () => ({ kind: "block", forward: pytorch }) as const } : {}),
  };
}
