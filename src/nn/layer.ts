import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Initializer } from "./init.ts";
import type { ToPytorch } from "./pytorch-form.ts";

/**
 * A model computes differently while it trains (batch norm by the batch, dropout) and when it is used. `statistics` is for
 * estimating running statistics again: batch norm by the batch as in training, without dropout, as in use.
 */
export type Mode = "training" | "inference" | "statistics";

/** What a layer needs from the model that it is part of. Names are the layer's own: `weight`, `running_mean`. */
export interface LayerContext {
  readonly mode: Mode;
  /** A tensor that training changes by its gradient. */
  parameter(name: string, shape: Shape, initialize: Initializer): Value;
  /** A tensor that is kept beside the parameters but has no gradient, such as a running mean. */
  buffer(name: string, shape: Shape, initial: number): Value;
  /**
   * What becomes of a buffer after this step; not in inference.
   *
   * @param momentum of a running average of batches' statistics: the batch's share in it. In mode `statistics` such a buffer
   *   becomes the batch's own statistic
   */
  updateBuffer(buffer: Value, next: Value, momentum?: number): void;
  /** A uint8 input with 1 where an element is kept and 0 where it is dropped, each dropped with probability `rate`. */
  dropoutMask(shape: Shape, rate: number): Value;
  /** Runs a layer inside this one; its tensors are named below `name`. */
  child(name: string, layer: Layer, x: Value): Value;
}

/** One entry of a model's list: it adds its operations to the graph. It holds settings only, never tensors. */
export interface Layer {
  /** Short and lower-case, as PyTorch code names its attributes: conv, bn, relu, fc. Numbered within the model. */
  readonly kind: string;
  /** For people: the layer with its settings, e.g. `conv2d 3x3, 32, padding 1`. */
  readonly description: string;
  /** @throws ShapeError when x does not fit */
  forward(x: Value, context: LayerContext): Value;
  /** The layer in PyTorch's words, for the export. A layer of one's own may leave it out: then it is not exported so. */
  readonly toPytorch?: ToPytorch;
}
