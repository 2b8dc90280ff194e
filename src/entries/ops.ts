/**
 * Operations, the building blocks of layers. Custom layers are composed of them; `apply` with a custom `Op` adds a new
 * operation. They are in a separate entry because some share their names with layers: the layer `relu()` of the main
 * entry has no input yet, the operation `relu(x)` has one.
 */

export { gradients } from "../compile/gradients.ts";
export { evaluateReference, type ReferenceFeeds } from "../graph/evaluate.ts";
export { CANONICAL, type Layout } from "../graph/layout.ts";
export type { Origin, Pass } from "../graph/origin.ts";
export {
  formatShape,
  imageSizes,
  requireAxes,
  requireSameShape,
  type Shape,
  ShapeError,
  sameShape,
  sizeOf,
} from "../graph/shape.ts";
export {
  type Attributes,
  apply,
  type BlockedLowering,
  type DType,
  type KnownLayout,
  type LayoutPlan,
  type Op,
  type OpLowering,
  type ReferenceTensor,
  type Value,
} from "../graph/value.ts";
export { filledWith, type Initializer, uniformByFanIn } from "../nn/init.ts";
export type { Layer, LayerContext, Mode } from "../nn/layer.ts";
export type {
  GraphWriter,
  ModelFacts as OnnxModelFacts,
  OnnxAttribute,
  OnnxDimension,
  OnnxDomain,
  OnnxType,
} from "../onnx/graph-writer.ts";
export {
  clip,
  elu,
  erf,
  type GeluForm,
  gelu,
  hardSigmoid,
  hardSwish,
  isPositive,
  leakyRelu,
  relu6,
  sigmoid,
  softplus,
  tanh,
} from "../ops/activations.ts";
export { scaledDotProductAttention } from "../ops/attention.ts";
export { type BatchNormAttributes, batchNorm, normalizationScale } from "../ops/batch-norm.ts";
export { biasAdd, channelAffine } from "../ops/channels.ts";
export { type Conv2dSettings, conv2d } from "../ops/convolution/conv2d.ts";
export { depthwiseConv2d } from "../ops/convolution/depthwise.ts";
export {
  convolution,
  type GeneralConvolutionAttributes,
  type TransposedAttributes,
  transposedConvolution,
} from "../ops/convolution/general.ts";
export type { Pads, Window } from "../ops/convolution/window.ts";
export {
  add,
  divide,
  dropout,
  elementwise,
  exp,
  log,
  multiply,
  relu,
  silu,
  sqrt,
  subtract,
} from "../ops/elementwise.ts";
export { constant, input } from "../ops/leaves.ts";
export { logSoftmax, softmax, softmaxCrossEntropy, type TargetAttributes } from "../ops/loss.ts";
export { batchedMatmul, matmul, transposeMatrices } from "../ops/matmul.ts";
export { normalize } from "../ops/normalize.ts";
export { globalAveragePool, maxPool2d } from "../ops/pooling.ts";
export { mean, repeat, sum } from "../ops/reduce.ts";
export { concat, flatten, pad, reshape, slice, transpose, unflatten } from "../ops/reshape.ts";
export {
  type AveragePoolAttributes,
  adaptiveAveragePool2d,
  averagePool2d,
  maxPoolWindows,
  type WindowPoolAttributes,
} from "../ops/window-pooling.ts";
export type { RandomStream } from "../random.ts";
