import { batchNorm as batchNormOp, normalizationScale } from "../ops/batch-norm.ts";
import { biasAdd, channelAffine, channelCount, valuesPerChannel } from "../ops/channels.ts";
import { add, multiply } from "../ops/elementwise.ts";
import { constant } from "../ops/leaves.ts";
import { POSITIVE, requireOptions, SHARE } from "../settings.ts";
import { filledWith } from "./init.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Options of `batchNorm`; the defaults are PyTorch's. */
export interface BatchNormOptions {
  /** Weight of the new batch in the running statistics. PyTorch's definition (1 - Keras's) and default, 0.1. */
  readonly momentum?: number;
  /** Added to the variance before the square root. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * Batch norm over images [N, C, H, W] or vectors [N, C], per channel: PyTorch's BatchNorm2d and BatchNorm1d. Parameters
 * `weight` and `bias` [C]; buffers `running_mean` and `running_var` [C] (the latter of the unbiased variance).
 *
 * In training the running mean is first subtracted from x. The result is the same, as the batch's own mean is
 * subtracted anyway; but the sums for mean and derivative then lose less precision, and after a convolution it costs
 * nothing: it becomes its bias.
 */
export function batchNorm(options: BatchNormOptions = {}): Layer {
  requireOptions("batchNorm", options, { momentum: SHARE, epsilon: POSITIVE });
  const { momentum = 0.1, epsilon = 1e-5 } = options;
  return {
    kind: "bn",
    description: "batch norm",
    forward(x, context) {
      const channels = channelCount("batchNorm", x.shape);
      const weight = context.parameter("weight", [channels], filledWith(1));
      const bias = context.parameter("bias", [channels], filledWith(0));
      const runningMean = context.buffer("running_mean", [channels], 0);
      const runningVariance = context.buffer("running_var", [channels], 1);
      if (context.mode === "inference" || context.statistics === "running") {
        const { scale, shift } = normalizationScale(weight, bias, runningMean, runningVariance, epsilon);
        return channelAffine(x, scale, shift);
      }
      const moved = biasAdd(x, multiply(runningMean, constant(-1)));
      const { y, mean, variance } = batchNormOp(moved, weight, bias, { epsilon });
      const count = valuesPerChannel(x.shape);
      const share = context.mode === "statistics" ? 1 : momentum;
      // running + share * (batch's mean - running), and `mean` is the batch's mean less the running one already.
      context.updateBuffer(runningMean, add(runningMean, multiply(mean, constant(share))), momentum);
      context.updateBuffer(
        runningVariance,
        add(
          multiply(runningVariance, constant(1 - share)),
          multiply(variance, constant((share * count) / (count - 1))),
        ),
        momentum,
      );
      return y;
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall(x.length === 4 ? "nn.BatchNorm2d" : "nn.BatchNorm1d", [channelCount("batchNorm", x)], {
        eps: [epsilon, 1e-5],
        momentum: [momentum, 0.1],
      }),
      isAround: true,
    }),
  };
}
