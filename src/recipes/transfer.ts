import type { Backbone } from "../formats/backbone.ts";
import { linear, type Model, relu } from "../nn/index.ts";
import { photos } from "./index.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";

/** The name of the recipe, and of its network. */
export const TRANSFER = "transfer";

/** The head on the features of a frozen network: a linear classifier, or one hidden layer of so many units before it. */
export function transferHead({ features }: Pick<Backbone, "features">, hidden?: number): Model {
  return {
    name: TRANSFER,
    features,
    layers: ({ classes }) => [...(hidden === undefined ? [] : [linear(hidden), relu()]), linear(classes)],
  };
}

/** What is chosen of a head and of what it is trained on. */
export interface TransferOptions {
  /** Units of a hidden layer. Default: none. */
  readonly hidden?: number | undefined;
  /** Views of each training image: itself, and others by the augmentation of `photos`. Default: 1, itself alone. */
  readonly views?: number | undefined;
}

const VIEWS_SEED = 1;

/**
 * A classifier on the features of a frozen network: logistic regression, trained by Adam with L2 regularisation. How
 * strong that is, is chosen for the data (`chooseWeightDecay`). How its values were chosen: docs/log.md.
 *
 * @throws UserError (exit code 2) when an option is out of range
 */
export function transfer(backbone: Backbone, { hidden, views = 1 }: TransferOptions = {}): Recipe {
  const recipe: Recipe = {
    name: TRANSFER,
    description: "a classifier on the features of a pretrained network, which stays as it is",
    model: transferHead(backbone, hidden),
    epochs: 40,
    batchSize: 128,
    learningRate: 3e-3,
    schedule: { kind: "cosine" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: views === 1 ? {} : photos.augmentation,
    backbone,
    ...(hidden === undefined ? {} : { hidden }),
    ...(views === 1 ? {} : { views: { count: views, seed: VIEWS_SEED } }),
  };
  checkRecipe(recipe);
  return recipe;
}
