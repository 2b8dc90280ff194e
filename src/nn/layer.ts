import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Initializer } from "./init.ts";
import type { ToPytorch } from "./pytorch-form.ts";

/**
 * A model computes differently in training (batch norm with the batch's statistics, dropout) and in inference (running
 * statistics, no dropout). `statistics` is for re-estimating the running statistics: batch norm with the batch's
 * statistics, no dropout.
 */
export type Mode = "training" | "inference" | "statistics";

/** A size of windows and the like: one number for both axes, or rows and columns. */
export type Size = number | readonly [number, number];

/** The model's services for a layer. Names are local to the layer: `weight`, `running_mean`. */
export interface LayerContext {
  readonly mode: Mode;
  /** What batch norm normalises by in training: the batch's statistics, or the running ones, which then stay as they are. */
  readonly statistics: "batch" | "running";
  /** Declares a tensor that the optimizer updates by its gradient. An empty name: the tensor is named like the layer. */
  parameter(name: string, shape: Shape, initialize: Initializer): Value;
  /** Declares a tensor that is saved with the parameters but has no gradient, such as a running mean. */
  buffer(name: string, shape: Shape, initial: number): Value;
  /**
   * Sets a buffer's value after this step. Ignored in inference.
   *
   * @param momentum for a running average of batch statistics: the weight of the batch. In mode `statistics` such a
   *   buffer becomes the statistic of the batch alone
   */
  updateBuffer(buffer: Value, next: Value, momentum?: number): void;
  /** A uint8 input with 1 where an element is kept and 0 where it is dropped, each dropped with probability `rate`. */
  dropoutMask(shape: Shape, rate: number): Value;
  /** Applies a layer inside this one; its tensors' names are prefixed with `name`. */
  child(name: string, layer: Layer, x: Value): Value;
}

/** A layer of a model: adds its operations to the graph. It holds settings only, never tensors. */
export interface Layer {
  /** Short lower-case name as in PyTorch code: conv, bn, relu, fc. Layers of a kind are numbered within the model. */
  readonly kind: string;
  /** The name in its list, in place of the kind with its number. Set by `named`. */
  readonly name?: string;
  /** Human-readable: the layer with its settings, e.g. `conv2d 3x3, 32, padding 1`. */
  readonly description: string;
  /** Adds the layer's operations to the graph. @throws ShapeError when x has an unsuitable shape */
  forward(x: Value, context: LayerContext): Value;
  /**
   * The equivalent PyTorch code, for the export. Optional: a model with a layer without it cannot be exported to
   * PyTorch.
   */
  readonly toPytorch?: ToPytorch;
}
