import { formatShape, IMAGE_AXES, imageSizes, requireAxes, ShapeError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { scaledDotProductAttention } from "../ops/attention.ts";
import { biasAdd } from "../ops/channels.ts";
import { add, multiply } from "../ops/elementwise.ts";
import { matmul } from "../ops/matmul.ts";
import { mean } from "../ops/reduce.ts";
import { pad, reshape, slice, transpose } from "../ops/reshape.ts";
import { COUNT, FLAG, NOT_NEGATIVE, requireOptions, requireSetting } from "../settings.ts";
import { filledWith, type Initializer, truncatedNormal, uniformByFanIn, xavierUniform } from "./init.ts";
import type { Layer } from "./layer.ts";
import { pythonCall } from "./pytorch-form.ts";

/** Layers on sequences of tokens [N, T, D], as in vision transformers: N images, T tokens of D features. */

const TOKEN_AXES = ["batch", "tokens", "features"] as const;

/** Usual deviation of the initial values of embeddings (Dosovitskiy et al. 2021). */
const EMBEDDING_DEVIATION = 0.02;

/** The pixels of images as tokens: [N, C, H, W] -> [N, H * W, C]. */
export function tokens(): Layer {
  return {
    kind: "tokens",
    description: "pixels as tokens",
    forward(x) {
      requireAxes("tokens", "x", x.shape, IMAGE_AXES);
      const { batch, channels, height, width } = imageSizes(x.shape);
      return transpose(reshape(x, [batch, channels, height * width]), [0, 2, 1]);
    },
    toPytorch: () => ({ kind: "function", call: (x) => `${x}.flatten(2).transpose(1, 2)` }),
  };
}

/** Tokens and features exchanged: [N, T, D] -> [N, D, T]. */
export function exchangeTokens(): Layer {
  return {
    kind: "exchange",
    description: "tokens and features exchanged",
    forward(x) {
      requireAxes("exchangeTokens", "x", x.shape, TOKEN_AXES);
      return transpose(x, [0, 2, 1]);
    },
    toPytorch: () => ({ kind: "function", call: (x) => `${x}.transpose(1, 2)` }),
  };
}

/** The mean of all tokens: [N, T, D] -> [N, D]. */
export function meanOfTokens(): Layer {
  return {
    kind: "mean",
    description: "mean of the tokens",
    forward(x) {
      requireAxes("meanOfTokens", "x", x.shape, TOKEN_AXES);
      return reshape(mean(x, [1]), [x.shape[0]!, x.shape[2]!]);
    },
    toPytorch: () => ({ kind: "function", call: (x) => `${x}.mean(1)` }),
  };
}

/** The first token, as the class token is: [N, T, D] -> [N, D]. */
export function firstToken(): Layer {
  return {
    kind: "token",
    description: "first token",
    forward(x) {
      requireAxes("firstToken", "x", x.shape, TOKEN_AXES);
      return reshape(slice(x, 0, 1, 1), [x.shape[0]!, x.shape[2]!]);
    },
    toPytorch: () => ({ kind: "function", call: (x) => `${x}[:, 0]` }),
  };
}

/** A layer that is one learned tensor, which is named like the layer. */
function tensorLayer(
  kind: string,
  description: string,
  { shapeOf, initialize, compute, python }: TensorLayerParts,
): Layer {
  return {
    kind,
    description,
    forward: (x, context) => compute(x, context.parameter("", shapeOf(x), initialize)),
    toPytorch: (x) => ({
      kind: "module",
      construct: `nn.Parameter(torch.zeros(${shapeOf({ shape: x }).join(", ")}))`,
      call: python,
    }),
  };
}

interface TensorLayerParts {
  shapeOf(x: Pick<Value, "shape">): number[];
  readonly initialize: Initializer;
  compute(x: Value, tensor: Value): Value;
  python(tensor: string, x: string): string;
}

/** A learned token in front of the others: [N, T, D] -> [N, T + 1, D]. Its tensor [1, 1, D] is named like the layer. */
export function classToken(): Layer {
  return tensorLayer("token", "class token", {
    shapeOf(x) {
      requireAxes("classToken", "x", x.shape, TOKEN_AXES);
      return [1, 1, x.shape[2]!];
    },
    initialize: truncatedNormal(EMBEDDING_DEVIATION),
    compute(x, token) {
      // A place of zeros, to which the token is added: a token for each image would fix the batch size in an exported model.
      const padded = pad(x, [0, 1, 0], [0, 0, 0]);
      return add(padded, pad(token, [0, 0, 0], [0, x.shape[1]!, 0]));
    },
    python: (token, x) => `torch.cat([${token}.expand(${x}.shape[0], -1, -1), ${x}], 1)`,
  });
}

/** A learned vector for each place, added: [N, T, D], unchanged. Its tensor [1, T, D] is named like the layer. */
export function positionEmbedding(): Layer {
  return tensorLayer("positions", "position embedding", {
    shapeOf(x) {
      requireAxes("positionEmbedding", "x", x.shape, TOKEN_AXES);
      return [1, x.shape[1]!, x.shape[2]!];
    },
    initialize: truncatedNormal(EMBEDDING_DEVIATION),
    compute: add,
    python: (positions, x) => `${x} + ${positions}`,
  });
}

/**
 * Each channel of images times a learned factor (Touvron et al. 2021): [N, C, H, W], unchanged. Its tensor [C] is named like the
 * layer.
 *
 * @param initial of all factors
 */
export function layerScale(initial: number): Layer {
  requireSetting("layerScale", "initial", initial, NOT_NEGATIVE);
  return tensorLayer("scale", `layer scale ${initial}`, {
    shapeOf(x) {
      requireAxes("layerScale", "x", x.shape, IMAGE_AXES);
      return [x.shape[1]!];
    },
    initialize: filledWith(initial),
    compute: (x, factors) => multiply(x, reshape(factors, [x.shape[1]!, 1, 1])),
    python: (factors, x) => `${x} * ${factors}.view(-1, 1, 1)`,
  });
}

/**
 * Attention of tokens to each other: [N, T, 3 D], queries, keys and values side by side, each in `heads` parts -> [N, T, D].
 *
 * @throws ShapeError unless the features are three times a multiple of the heads
 */
export function selfAttention(x: Value, heads: number): Value {
  requireAxes("selfAttention", "x", x.shape, TOKEN_AXES);
  const [batch, count, features] = [x.shape[0]!, x.shape[1]!, x.shape[2]! / 3];
  if (features % heads !== 0) {
    throw new ShapeError("selfAttention", `${heads} heads must divide the features, got ${formatShape(x.shape)}`);
  }
  const parts = transpose(reshape(x, [batch, count, 3, heads, features / heads]), [0, 2, 3, 1, 4]);
  const [queries, keys, values] = [0, 1, 2].map((part) => slice(parts, part, 1, 1));
  const attended = scaledDotProductAttention(queries!, keys!, values!);
  return reshape(transpose(attended, [0, 1, 3, 2, 4]), [batch, count, features]);
}

/** Options of `multiHeadAttention`. */
export interface AttentionOptions {
  /** Default true. */
  readonly bias?: boolean;
}

/**
 * Multi-head self-attention (Vaswani et al. 2017): [N, T, D], unchanged; `heads` divide D. Parameters `in_proj_weight` [3 D, D],
 * `in_proj_bias` [3 D], `out_proj.weight` [D, D] and `out_proj.bias` [D], as in PyTorch's MultiheadAttention.
 *
 * @throws UserError when `heads` is not a positive integer; ShapeError, when the model is built, if it does not divide D
 */
export function multiHeadAttention(heads: number, options: AttentionOptions = {}): Layer {
  requireSetting("multiHeadAttention", "heads", heads, COUNT);
  requireOptions("multiHeadAttention", options, { bias: FLAG });
  const { bias = true } = options;
  return {
    kind: "attention",
    description: `attention, ${heads} heads${bias ? "" : ", no bias"}`,
    forward(x, context) {
      requireAxes("multiHeadAttention", "x", x.shape, TOKEN_AXES);
      const [batch, count, features] = [...x.shape] as [number, number, number];
      const project = (rows: Value, name: string, outputs: number, initialize: Initializer) => {
        const dense = context.parameter(`${name}weight`, [outputs, features], initialize);
        const product = matmul(rows, dense, { transposeA: false, transposeB: true });
        return bias ? biasAdd(product, context.parameter(`${name}bias`, [outputs], filledWith(0))) : product;
      };
      const rows = reshape(x, [batch * count, features]);
      const joined = project(rows, "in_proj_", 3 * features, xavierUniform);
      const attended = selfAttention(reshape(joined, [batch, count, 3 * features]), heads);
      const merged = reshape(attended, [batch * count, features]);
      return reshape(project(merged, "out_proj.", features, uniformByFanIn(features)), x.shape);
    },
    toPytorch: (x) => ({
      kind: "module",
      construct: pythonCall("nn.MultiheadAttention", [x[2]!, heads], { bias: [bias, true], batch_first: [true] }),
      call: (module, y) => `${module}(${y}, ${y}, ${y}, need_weights=False)[0]`,
    }),
  };
}
