import { requireSameShape } from "../graph/shape.ts";
import { add } from "../ops/elementwise.ts";
import type { Layer } from "./layer.ts";
import { requireLayers, runSequence } from "./sequential.ts";

/**
 * y = body(x) + shortcut(x): a residual block (He et al. 2016). The shortcut is the identity unless layers are given,
 * whose result must have the body's shape (a 1x1 convolution with the body's stride, say).
 *
 * @throws UserError when one of the two is not a list of layers; ShapeError, when the model is built, if their shapes differ
 */
export function residual(body: readonly Layer[], shortcut: readonly Layer[] = []): Layer {
  requireLayers("residual", "body", body);
  requireLayers("residual", "shortcut", shortcut);
  return {
    kind: "block",
    description: `residual of ${body.length} layers`,
    forward(x, context) {
      const main = runSequence("residual body", body, x, context);
      const beside = runSequence("residual shortcut", shortcut, x, context, "shortcut");
      requireSameShape("residual", "body and shortcut", main.shape, beside.shape);
      return add(main, beside);
    },
    toPytorch: () => ({ kind: "residual", bodyLength: body.length }),
  };
}
