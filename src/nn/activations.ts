import type { Value } from "../graph/value.ts";
import * as ops from "../ops/activations.ts";
import { relu as reluOp, silu as siluOp } from "../ops/elementwise.ts";
import { NUMBER, oneOf, requireOptions, requireSetting } from "../settings.ts";
import type { Layer } from "./layer.ts";

/** Elementwise functions as layers: any shape, unchanged. */

/** @param call the Python function and its further arguments: `F.elu(x, 1)` */
function activation(kind: string, description: string, forward: (x: Value) => Value, call: string, more = ""): Layer {
  return {
    kind,
    description,
    forward: (x) => forward(x),
    toPytorch: () => ({ kind: "function", call: (x) => `${call}(${x}${more})`, isAround: true }),
  };
}

/** y = max(x, 0). */
export function relu(): Layer {
  return activation("relu", "ReLU", reluOp, "F.relu");
}

/** y = min(max(x, 0), 6). */
export function relu6(): Layer {
  return activation("relu", "ReLU6", ops.relu6, "F.relu6");
}

/** y = x where x > 0, else negativeSlope * x. @param negativeSlope default 0.01 */
export function leakyRelu(negativeSlope = 0.01): Layer {
  requireSetting("leakyRelu", "negativeSlope", negativeSlope, NUMBER);
  const forward = (x: Value) => ops.leakyRelu(x, negativeSlope);
  return activation("relu", `leaky ReLU ${negativeSlope}`, forward, "F.leaky_relu", `, ${negativeSlope}`);
}

/** y = x where x > 0, else alpha * (exp(x) - 1). @param alpha default 1 */
export function elu(alpha = 1): Layer {
  requireSetting("elu", "alpha", alpha, NUMBER);
  return activation("elu", `ELU ${alpha}`, (x) => ops.elu(x, alpha), "F.elu", `, ${alpha}`);
}

/** y = x / (1 + exp(-x)) (SiLU, swish). */
export function silu(): Layer {
  return activation("silu", "SiLU", siluOp, "F.silu");
}

/** Options of `gelu`. */
export interface GeluOptions {
  /** `none` (default): with the error function; `tanh`: the approximation. */
  readonly approximate?: ops.GeluForm;
}

/** y = x times the normal distribution's share below x. */
export function gelu(options: GeluOptions = {}): Layer {
  requireOptions("gelu", options, { approximate: oneOf("none", "tanh") });
  const { approximate = "none" } = options;
  const isExact = approximate === "none";
  const forward = (x: Value) => ops.gelu(x, approximate);
  return activation("gelu", isExact ? "GELU" : "GELU, tanh", forward, "F.gelu", isExact ? "" : ', approximate="tanh"');
}

/** y = 1 / (1 + exp(-x)). */
export function sigmoid(): Layer {
  return activation("sigmoid", "sigmoid", ops.sigmoid, "torch.sigmoid");
}

/** y = tanh(x). */
export function tanh(): Layer {
  return activation("tanh", "tanh", ops.tanh, "torch.tanh");
}

/** y = log(1 + exp(x)). */
export function softplus(): Layer {
  return activation("softplus", "softplus", ops.softplus, "F.softplus");
}

/** y = x / 6 + 1 / 2, at least 0 and at most 1. */
export function hardSigmoid(): Layer {
  return activation("hardsigmoid", "hard sigmoid", ops.hardSigmoid, "F.hardsigmoid");
}

/** y = x times its hard sigmoid. */
export function hardSwish(): Layer {
  return activation("hardswish", "hard swish", ops.hardSwish, "F.hardswish");
}
