import { flatten, type Layer, linear, type Model, maxPool2d } from "../nn/index.ts";
import { convolution, dense, type StudyChanges } from "./study-layers.ts";

/** The study's Enhanced Model: deeper and wider, batch norm after each layer, dropout. 437,162 parameters for Fashion-MNIST. */
export const enhanced: Model = {
  name: "enhanced",
  layers: ({ classes }) => enhancedLayers(classes, { batchNorm: true, dropout: true }),
};

/** Enhanced's layers, with what the ablation leaves of its changes. */
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
