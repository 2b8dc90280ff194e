import { batchNorm, conv2d, dropout, type Layer, linear, relu } from "../nn/index.ts";

/** What the study's networks are made of: groups of layers with or without what Enhanced has and Base has not. */

/** Share of the hidden dense layer's activations that training drops. */
const DROPOUT_RATE = 0.3;

export interface StudyChanges {
  /** Batch norm after convolutions and the hidden dense layer, in place of their biases. */
  readonly batchNorm: boolean;
  /** Dropout before the last layer. */
  readonly dropout: boolean;
}

/** A 3x3 convolution that keeps the image's size, and ReLU. */
export function convolution(channels: number, changes: StudyChanges): Layer[] {
  return activated((bias) => conv2d(channels, { kernelSize: 3, padding: 1, bias }), changes);
}

/** The hidden dense layer, and ReLU. */
export function dense(units: number, changes: StudyChanges): Layer[] {
  const layers = activated((bias) => linear(units, { bias }), changes);
  return changes.dropout ? [...layers, dropout(DROPOUT_RATE)] : layers;
}

function activated(weighted: (bias: boolean) => Layer, changes: StudyChanges): Layer[] {
  return changes.batchNorm ? [weighted(false), batchNorm(), relu()] : [weighted(true), relu()];
}
