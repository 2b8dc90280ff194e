import { conv2d, flatten, linear, type Model, maxPool2d, relu } from "../nn/index.ts";

/** The study's Base Model: two convolutions, two dense layers. 421,642 parameters for Fashion-MNIST. */
export const base: Model = {
  name: "base",
  layers: ({ classes }) => [
    conv2d(32, { kernelSize: 3, padding: 1 }),
    relu(),
    maxPool2d(2),
    conv2d(64, { kernelSize: 3, padding: 1 }),
    relu(),
    maxPool2d(2),
    flatten(),
    linear(128),
    relu(),
    linear(classes),
  ],
};
