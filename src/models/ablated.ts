import { batchNorm, conv2d, dropout, flatten, type Layer, linear, type Model, maxPool2d, relu } from "../nn/index.ts";
import { DROPOUT_RATE } from "./enhanced.ts";

/** The networks between Base and Enhanced: each has one of the study's changes. They exist to tell what each one buys. */

/** Base with batch norm after its convolutions and its hidden dense layer. */
export const baseBatchNorm: Model = {
  name: "base-batchnorm",
  layers: ({ classes }) => baseLayers(classes, { bias: false, norm: [batchNorm()], drop: [] }),
};

/** Base with dropout before its last layer. */
export const baseDropout: Model = {
  name: "base-dropout",
  layers: ({ classes }) => baseLayers(classes, { bias: true, norm: [], drop: [dropout(DROPOUT_RATE)] }),
};

/** Enhanced's depth and width without its batch norm and dropout. */
export const enhancedPlain: Model = {
  name: "enhanced-plain",
  layers: ({ classes }) => [
    ...convolution(32),
    ...convolution(32),
    maxPool2d(2),
    ...convolution(64),
    ...convolution(64),
    maxPool2d(2),
    ...convolution(128),
    maxPool2d(2),
    flatten(),
    linear(256),
    relu(),
    linear(classes),
  ],
};

function convolution(channels: number): Layer[] {
  return [conv2d(channels, { kernelSize: 3, padding: 1 }), relu()];
}

function baseLayers(classes: number, { bias, norm, drop }: { bias: boolean; norm: Layer[]; drop: Layer[] }): Layer[] {
  const convolved = (channels: number) => [
    conv2d(channels, { kernelSize: 3, padding: 1, bias }),
    ...norm,
    relu(),
    maxPool2d(2),
  ];
  return [
    ...convolved(32),
    ...convolved(64),
    flatten(),
    linear(128, { bias }),
    ...norm,
    relu(),
    ...drop,
    linear(classes),
  ];
}
