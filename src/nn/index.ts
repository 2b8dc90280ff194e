export {
  elu,
  type GeluOptions,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  relu,
  relu6,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "./activations.ts";
export { type BatchNormOptions, batchNorm } from "./batch-norm.ts";
export { type BlockOptions, block } from "./block.ts";
export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
} from "./conv2d.ts";
export type { Layer, LayerContext, Size } from "./layer.ts";
export { type LinearOptions, linear } from "./linear.ts";
export { buildModel, type ImageTask, type Model } from "./model.ts";
export { groupNorm, instanceNorm, layerNorm, layerNorm2d, type NormOptions } from "./norms.ts";
export {
  type AveragePool2dOptions,
  adaptiveAveragePool2d,
  averagePool2d,
  globalAveragePool,
  type MaxPool2dOptions,
  maxPool2d,
} from "./pooling.ts";
export { residual } from "./residual.ts";
export { named, sequential } from "./sequential.ts";
export { type SqueezeExcitationOptions, squeezeExcitation } from "./squeeze-excitation.ts";
export { dropout, flatten, stochasticDepth, zeroPad2d } from "./stateless.ts";
export {
  type AttentionOptions,
  classToken,
  exchangeTokens,
  firstToken,
  layerScale,
  meanOfTokens,
  multiHeadAttention,
  positionEmbedding,
  selfAttention,
  tokens,
} from "./tokens.ts";
