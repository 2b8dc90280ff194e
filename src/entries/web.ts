/**
 * Prediction and training in a browser, on ONNX Runtime's WebAssembly build (`onnxruntime-web`, to be installed
 * separately).
 */

export { type CompiledOperation, type CompiledProgram, compile, type TensorSpec } from "../compile/compile.ts";
export { gradients } from "../compile/gradients.ts";
export type { Lowering, Program, StateTensor } from "../compile/program.ts";
export type { Augmentation } from "../data/augmentation.ts";
export { type EvaluationBatch, evaluationBatches, type TrainingBatches, trainingBatches } from "../data/batches.ts";
export {
  createImageSet,
  type ImageSet,
  type LabelledSet,
  type PixelStatistics,
  pixelStatistics,
  selectImages,
  type ValuesOf,
} from "../data/image-set.ts";
export { memoryRows, type Rows } from "../data/rows.ts";
export {
  imageTask,
  type LabelledData,
  normalizationOf,
  type TrainingData,
  type TrainingDataOptions,
  trainingData,
} from "../data/training-data.ts";
export { UserError } from "../errors.ts";
export { type EvaluateOptions, evaluate, type LogitsOf } from "../evaluation/evaluate.ts";
export { type InferenceModelParts, inferenceModel } from "../formats/inference-model.ts";
export { type ModelMetadata, readModelMetadata } from "../formats/model-metadata.ts";
export type { ConfidenceFit } from "../formats/network-facts.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor, type Safetensors } from "../formats/safetensors.ts";
export { type Fit, fitPicture } from "../imaging/fit-picture.ts";
export type { Picture } from "../imaging/picture.ts";
export { type Preparation, prepareAs } from "../imaging/preparation.ts";
export { type PreparationOptions, type PreparationTarget, prepareImage } from "../imaging/prepare-image.ts";
export { findModel, MODELS } from "../models/index.ts";
export * from "../nn/index.ts";
export { createOptimizer, type OptimizerSpec } from "../optim/index.ts";
export { learningRateAt, type Schedule } from "../optim/schedules.ts";
export { type ScoredLabel, topLabels } from "../prediction/prediction.ts";
export { type FitOptions, type FittedRecipe, fitToTraining } from "../recipes/fit-to-images.ts";
export { findRecipe, RECIPES } from "../recipes/index.ts";
export type { Recipe } from "../recipes/recipe.ts";
export { chooseLowering } from "../runtime/lowering.ts";
export type { ModelSession } from "../runtime/model-session.ts";
export type { Runtime, Session, SessionOptions, TensorData } from "../runtime/runtime.ts";
export { openModel, webRuntime } from "../runtime/web/index.ts";
export type { OrtFiles } from "../runtime/web/ort-files.ts";
export {
  chooseDevice,
  DEVICES,
  type Device,
  type DeviceChoice,
  type Devices,
  type FoundGpu,
} from "../runtime/webgpu/device.ts";
export { GpuError } from "../runtime/webgpu/errors.ts";
export { type BrowserGpu, openBrowserGpu } from "../runtime/webgpu/web/index.ts";
export type { TrainingPosition, TrainingProgress } from "../training/progress.ts";
export {
  type EpochResult,
  type TrainingHooks,
  type TrainingJob,
  type TrainingOutcome,
  type TrainingSnapshot,
  train,
} from "../training/train.ts";
export { trainedFiles } from "../training/trained-files.ts";
