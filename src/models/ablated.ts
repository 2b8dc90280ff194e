import type { Model } from "../nn/index.ts";
import { baseLayers } from "./base.ts";
import { enhancedLayers } from "./enhanced.ts";

/** The networks between Base and Enhanced: each has one of the study's changes. They exist to tell what each one buys. */

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
