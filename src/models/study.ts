import { batchNorm, conv2d, dropout, flatten, type Layer, linear, type Model, maxPool2d, relu } from "../nn/index.ts";

/** Groups of layers that the study's networks are made of, with or without batch norm and dropout. */

/** Dropout rate after the hidden dense layer. */
const DROPOUT_RATE = 0.3;

export interface StudyChanges {
  /** Batch norm after convolutions and the hidden dense layer, in place of their biases. */
  readonly batchNorm: boolean;
  /** Dropout before the last layer. */
  readonly dropout: boolean;
}

/** A 3x3 convolution that preserves the image's size, followed by ReLU. */
export function convolution(channels: number, changes: StudyChanges): Layer[] {
  return activated((bias) => conv2d(channels, { kernelSize: 3, padding: 1, bias }), changes);
}

/** The hidden dense layer, followed by ReLU. */
export function dense(units: number, changes: StudyChanges): Layer[] {
  const layers = activated((bias) => linear(units, { bias }), changes);
  return changes.dropout ? [...layers, dropout(DROPOUT_RATE)] : layers;
}

function activated(weighted: (bias: boolean) => Layer, changes: StudyChanges): Layer[] {
  return changes.batchNorm ? [weighted(false), batchNorm(), relu()] : [weighted(true), relu()];
}

/** The study's Base Model: two convolutions, two dense layers. 421,642 parameters for Fashion-MNIST. */
export const base: Model = {
  name: "base",
  layers: ({ classes }) => baseLayers(classes, { batchNorm: false, dropout: false }),
};

/** Base's layers, with the techniques that the ablation adds. */
export function baseLayers(classes: number, added: StudyChanges): Layer[] {
  return [
    ...convolution(32, added),
    maxPool2d(2),
    ...convolution(64, added),
    maxPool2d(2),
    flatten(),
    ...dense(128, added),
    linear(classes),
  ];
}

/**
 * The study's Enhanced Model: deeper and wider, batch norm after each layer, dropout. 437,162 parameters for
 * Fashion-MNIST.
 */
export const enhanced: Model = {
  name: "enhanced",
  layers: ({ classes }) => enhancedLayers(classes, { batchNorm: true, dropout: true }),
};

/** Enhanced's layers, with those of its techniques that the ablation keeps. */
export function enhancedLayers(classes: number, kept: StudyChanges): Layer[] {
  return [
    ...convolution(32, kept),
    ...convolution(32, kept),
    maxPool2d(2),
    ...convolution(64, kept),
    ...convolution(64, kept),
    maxPool2d(2),
    ...convolution(128, kept),
    maxPool2d(2),
    flatten(),
    ...dense(256, kept),
    linear(classes),
  ];
}

/**
 * The networks between Base and Enhanced, each with one of the study's techniques, to measure its effect (ablation).
 */

/** Base with batch norm after its convolutions and its hidden dense layer. */
export const baseBatchNorm: Model = {
  name: "base-batchnorm",
  layers: ({ classes }) => baseLayers(classes, { batchNorm: true, dropout: false }),
};

/** Base with dropout before its last layer. */
export const baseDropout: Model = {
  name: "base-dropout",
  layers: ({ classes }) => baseLayers(classes, { batchNorm: false, dropout: true }),
};

/** Enhanced's depth and width without its batch norm and dropout. */
export const enhancedPlain: Model = {
  name: "enhanced-plain",
  layers: ({ classes }) => enhancedLayers(classes, { batchNorm: false, dropout: false }),
};
