import {
  block,
  classToken,
  conv2d,
  depthwiseConv2d,
  exchangeTokens,
  firstToken,
  flatten,
  gelu,
  globalAveragePool,
  type Layer,
  layerNorm,
  layerNorm2d,
  layerScale,
  linear,
  type Model,
  meanOfTokens,
  named,
  positionEmbedding,
  selfAttention,
  sequential,
  tokens,
} from "../../nn/index.ts";
import { add } from "../../ops/elementwise.ts";
import { IMAGENET, INCEPTION, MAX_DEFAULT_SIZE } from "./parts.ts";

/** Networks of norms and dense layers: ConvNeXt, the vision transformer and MLP-Mixer. Names are timm's. */

const NORM = { epsilon: 1e-6 };

/** Two layers with GELU in between, under timm's names. */
const mlp = (first: Layer, second: Layer): Layer => sequential([named("fc1", first), gelu(), named("fc2", second)]);

function convNextBlock(channels: number): Layer {
  const [wide, narrow] = [conv2d(4 * channels, { kernelSize: 1 }), conv2d(channels, { kernelSize: 1 })];
  return block({
    kind: "convnext",
    description: `ConvNeXt block, ${channels}`,
    layers: {
      conv_dw: depthwiseConv2d({ kernelSize: 7, padding: 3 }),
      norm: layerNorm2d(NORM),
      mlp: mlp(wide, narrow),
      gamma: layerScale(1e-6),
    },
    forward: (x, apply) => add(x, apply("gamma", apply("mlp", apply("norm", apply("conv_dw", x))))),
    pytorch: [
      "y = self.conv_dw(x)",
      "y = self.mlp(self.norm(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))",
      "return x + y * self.gamma.view(-1, 1, 1)",
    ],
  });
}

const ATTO = { blocks: [2, 2, 6, 2], widths: [40, 80, 160, 320] } as const;

/** ConvNeXt (Liu et al. 2022) of timm's smallest size. 3,695,520 parameters for 1,000 classes. Images of at least 32x32. */
export const convnextAtto: Model = {
  name: "convnext_atto",
  published: IMAGENET,
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers({ classes }) {
    const stages = ATTO.widths.map((width, stage) => {
      const blocks = sequential(Array.from({ length: ATTO.blocks[stage]! }, () => convNextBlock(width)));
      const smaller = sequential([layerNorm2d(NORM), conv2d(width, { kernelSize: 2, stride: 2 })]);
      return sequential([...(stage === 0 ? [] : [named("downsample", smaller)]), named("blocks", blocks)]);
    });
    return [
      named("stem", sequential([conv2d(ATTO.widths[0], { kernelSize: 4, stride: 4 }), layerNorm2d(NORM)])),
      named("stages", sequential(stages)),
      named(
        "head",
        sequential([globalAveragePool(), named("norm", layerNorm2d(NORM)), flatten(), named("fc", linear(classes))]),
      ),
    ];
  },
};

/** A convolution whose windows lie side by side, each of which becomes a token. */
const patches = (size: number, features: number): Layer =>
  sequential([named("proj", conv2d(features, { kernelSize: size, stride: size })), tokens()]);

/** timm's Attention: queries, keys and values by one dense layer, `qkv`, and one for the result, `proj`. */
function attention(features: number, heads: number): Layer {
  return block({
    kind: "attention",
    description: `attention, ${heads} heads`,
    layers: { qkv: linear(3 * features), proj: linear(features) },
    forward: (x, apply) => apply("proj", selfAttention(apply("qkv", x), heads)),
    pytorch: [
      "n, t, d = x.shape",
      `q, k, v = self.qkv(x).reshape(n, t, 3, ${heads}, d // ${heads}).permute(2, 0, 3, 1, 4)`,
      `y = (q @ k.transpose(-2, -1) * (d // ${heads}) ** -0.5).softmax(-1) @ v`,
      "return self.proj(y.transpose(1, 2).reshape(n, t, d))",
    ],
  });
}

function transformerBlock(features: number, heads: number): Layer {
  return block({
    kind: "transformer",
    description: `transformer block, ${features} features`,
    layers: {
      norm1: layerNorm(NORM),
      attn: attention(features, heads),
      norm2: layerNorm(NORM),
      mlp: mlp(linear(4 * features), linear(features)),
    },
    forward(x, apply) {
      const attended = add(x, apply("attn", apply("norm1", x)));
      return add(attended, apply("mlp", apply("norm2", attended)));
    },
    pytorch: ["x = x + self.attn(self.norm1(x))", "return x + self.mlp(self.norm2(x))"],
  });
}

const TINY = { features: 192, heads: 3, depth: 12 };

/**
 * The vision transformer (Dosovitskiy et al. 2021), tiny, on patches of 16x16. 5,717,416 parameters for 1,000 classes and
 * images of 224x224; for other sizes, multiples of 16, the position embedding has another length.
 */
export const vitTiny: Model = {
  name: "vit_tiny_patch16_224",
  published: INCEPTION,
  maxDefaultSize: MAX_DEFAULT_SIZE,
  layers: ({ classes }) => [
    named("patch_embed", patches(16, TINY.features)),
    named("cls_token", classToken()),
    named("pos_embed", positionEmbedding()),
    named("blocks", sequential(Array.from({ length: TINY.depth }, () => transformerBlock(TINY.features, TINY.heads)))),
    firstToken(),
    named("norm", layerNorm(NORM)),
    named("head", linear(classes)),
  ],
};

function mixerBlock(count: number, { features, tokenWidth, featureWidth }: MixerShape): Layer {
  return block({
    kind: "mixer",
    description: `mixer block, ${features} features`,
    layers: {
      norm1: layerNorm(NORM),
      mlp_tokens: mlp(linear(tokenWidth), linear(count)),
      norm2: layerNorm(NORM),
      mlp_channels: mlp(linear(featureWidth), linear(features)),
    },
    forward(x, apply, context) {
      const exchange = (y: typeof x) => exchangeTokens().forward(y, context);
      const mixed = add(x, exchange(apply("mlp_tokens", exchange(apply("norm1", x)))));
      return add(mixed, apply("mlp_channels", apply("norm2", mixed)));
    },
    pytorch: [
      "x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)",
      "return x + self.mlp_channels(self.norm2(x))",
    ],
  });
}

interface MixerShape {
  readonly features: number;
  readonly depth: number;
  /** Widths inside the two kinds of dense layers. */
  readonly tokenWidth: number;
  readonly featureWidth: number;
}

function mixer(name: string, shape: MixerShape): Model {
  return {
    name,
    published: INCEPTION,
    maxDefaultSize: MAX_DEFAULT_SIZE,
    layers({ height, width, classes }) {
      const count = Math.floor(height / 16) * Math.floor(width / 16);
      return [
        named("stem", patches(16, shape.features)),
        named("blocks", sequential(Array.from({ length: shape.depth }, () => mixerBlock(count, shape)))),
        named("norm", layerNorm(NORM)),
        meanOfTokens(),
        named("head", linear(classes)),
      ];
    },
  };
}

/** MLP-Mixer (Tolstikhin et al. 2021), small, on patches of 16x16. 18,528,264 parameters for 1,000 classes at 224x224. */
export const mixerS16 = mixer("mixer_s16_224", { features: 512, depth: 8, tokenWidth: 256, featureWidth: 2048 });

/** The base size, which timm has weights for. 59,880,472 parameters for 1,000 classes at 224x224. */
export const mixerB16 = mixer("mixer_b16_224", { features: 768, depth: 12, tokenWidth: 384, featureWidth: 3072 });
