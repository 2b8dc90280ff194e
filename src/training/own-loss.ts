import { gradients } from "../compile/gradients.ts";
import { messageOf, UserError } from "../errors.ts";
import { formatShape } from "../graph/shape.ts";
import { topologicalOrder, type Value } from "../graph/value.ts";

/** What a loss is computed from: values of a graph of N images. */
export interface LossInputs {
  /** [N, classes] */
  readonly logits: Value;
  /** int32 [N]; of a mixed batch, those of the images that the others are mixed into. */
  readonly labels: Value;
  /** The wanted probabilities, [N, classes], with the recipe's label smoothing and mixing. Rows sum to 1. */
  readonly targets: Value;
}

/**
 * A loss of one's own, built from the operations of `@tailor-ml/tailor/ops`. It is called once, and compiled with its
 * derivatives into the training step.
 *
 * @returns a scalar, which training minimises: usually the mean of the images' losses
 */
export type Loss = (inputs: LossInputs) => Value;

/**
 * The graph of a loss.
 *
 * @throws UserError when the function throws, returns anything but a scalar, or its derivative is undefined
 */
export function applyLoss(loss: Loss, inputs: LossInputs): Value {
  const objective = named(() => loss(inputs));
  if (typeof objective !== "object" || objective === null || !("op" in objective)) {
    throw new UserError(
      `the function \`loss\` returned ${String(objective)}; it must return a value made by operations of @tailor-ml/tailor/ops`,
    );
  }
  if (objective.shape.length !== 0) {
    throw new UserError(
      `the function \`loss\` returned a value of shape ${formatShape(objective.shape)}; it must be a scalar, [], for example the \`mean\` of the images' losses`,
    );
  }
  if (!topologicalOrder([objective]).includes(inputs.logits)) {
    throw new UserError(
      "the function `loss` returned a value that does not depend on `logits`; there is nothing to train",
    );
  }
  named(() => gradients(objective, [inputs.logits]));
  return objective;
}

/** @throws UserError when a recipe weights classes in a loss that it does not know */
export function requireUnweighted(loss: Loss | undefined, { classWeights }: { readonly classWeights?: unknown }): void {
  if (!loss || classWeights === undefined) return;
  throw new UserError(
    `the recipe's \`classWeights\` weight tailor's own loss, not the function \`loss\`; leave one of them out, and weight the images in the function`,
  );
}

function named<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new UserError(`the function \`loss\`: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
