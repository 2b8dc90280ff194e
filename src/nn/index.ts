export { type BatchNormOptions, batchNorm } from "./batch-norm.ts";
export { type Conv2dOptions, conv2d, type DepthwiseConv2dOptions, depthwiseConv2d } from "./conv2d.ts";
export type { Layer, LayerContext } from "./layer.ts";
export { type LinearOptions, linear } from "./linear.ts";
export { buildModel, type ImageTask, type Model } from "./model.ts";
export { residual } from "./residual.ts";
export { dropout, flatten, globalAveragePool, maxPool2d, relu, silu } from "./stateless.ts";
