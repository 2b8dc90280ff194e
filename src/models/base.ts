import { flatten, type Layer, linear, type Model, maxPool2d } from "../nn/index.ts";
import { convolution, dense, type StudyChanges } from "./study-layers.ts";

/** The study's Base Model: two convolutions, two dense layers. 421,642 parameters for Fashion-MNIST. */
export const base: Model = {
  name: "base",
  layers: ({ classes }) => baseLayers(classes, { batchNorm: false, dropout: false }),
};

/** Base's layers, with what the ablation adds. */
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
