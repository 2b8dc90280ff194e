import { linear, type Model } from "../nn/index.ts";

/** The name of the recipe, and of its network. */
export const TRANSFER = "transfer";

/** The head on the features of a frozen network: a linear classifier. */
export function transferHead({ features }: { readonly features: number }): Model {
  return { name: TRANSFER, features, layers: ({ classes }) => [linear(classes)] };
}
