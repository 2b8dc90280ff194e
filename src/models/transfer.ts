import { batchNorm, linear, type Model } from "../nn/index.ts";

/** The name of the recipe, and of its network. */
export const TRANSFER = "transfer";

/**
 * The head on the features of a frozen network: a linear classifier of features that batch norm brings to one scale, as in the
 * linear probes of He et al. 2022 ("Masked Autoencoders Are Scalable Vision Learners", appendix A.1).
 */
export function transferHead({ features }: { readonly features: number }): Model {
  return { name: TRANSFER, features, layers: ({ classes }) => [batchNorm(), linear(classes)] };
}
