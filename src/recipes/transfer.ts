import type { Backbone } from "../formats/backbone.ts";
import { linear, type Model } from "../nn/index.ts";
import type { Recipe } from "./recipe.ts";

/** The name of the recipe, and of its network. */
export const TRANSFER = "transfer";

/** The head on the features of a frozen network: a linear classifier. */
export function transferHead({ features }: Pick<Backbone, "features">): Model {
  return { name: TRANSFER, features, layers: ({ classes }) => [linear(classes)] };
}

/**
 * A linear classifier on the features of a frozen network: logistic regression, trained by Adam with L2 regularisation. How
 * strong that is, is chosen for the data (`chooseWeightDecay`). How its values were chosen: docs/log.md.
 */
export function transfer(backbone: Backbone): Recipe {
  return {
    name: TRANSFER,
    description: "a linear classifier on the features of a pretrained network, which stays as it is",
    model: transferHead(backbone),
    epochs: 40,
    batchSize: 128,
    learningRate: 3e-3,
    schedule: { kind: "cosine" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: {},
    backbone,
  };
}
