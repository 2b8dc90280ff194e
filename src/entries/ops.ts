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
export { biasAdd, channelAffine } from "../ops/channels.ts";
export { conv2d } from "../ops/convolution/conv2d.ts";
export { depthwiseConv2d } from "../ops/convolution/depthwise.ts";
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
export { matmul } from "../ops/matmul.ts";
export { globalAveragePool, maxPool2d } from "../ops/pooling.ts";
export { mean, sum } from "../ops/reduce.ts";
export { flatten, unflatten } from "../ops/reshape.ts";
export type { RandomStream } from "../random.ts";
