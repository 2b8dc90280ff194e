/** tailor's public surface: declare networks, train, evaluate and serve them, write and read their files. */

export { type CompiledProgram, compile, type TensorSpec } from "./compile/compile.ts";
export { gradients } from "./compile/gradients.ts";
export type { Lowering, Program, StateTensor } from "./compile/program.ts";
export type { Augmentation } from "./data/augmentation.ts";
export { type EvaluationBatch, evaluationBatches, type TrainingBatches, trainingBatches } from "./data/batches.ts";
export { createImageSet, type ImageSet, pixelStatistics, selectImages } from "./data/image-set.ts";
export type { LoadedData } from "./data/sources/chain.ts";
export { loadFashionMnist } from "./data/sources/fashion-mnist.ts";
export { stratifiedSplit } from "./data/split.ts";
export { imageTask, normalizationOf, type TrainingData, trainingData } from "./data/training-data.ts";
export { UserError } from "./errors.ts";
export { type EvaluateOptions, evaluate, type LogitsOf } from "./evaluation/evaluate.ts";
export { type EvaluateRunOptions, evaluateRun } from "./evaluation/evaluate-run.ts";
export type { ClassificationMetrics, ClassMetrics } from "./evaluation/metrics.ts";
export { mostConfidentMistakes, mostConfusedPairs, type Predictions } from "./evaluation/predictions.ts";
export { comparePaired, type PairedComparison, spreadOf, welchInterval } from "./evaluation/significance.ts";
export { type ExportOptions, exportRun } from "./exchange/export-run.ts";
export { type ImportOptions, importWeights } from "./exchange/import-weights.ts";
export { inferenceModel } from "./formats/inference-model.ts";
export { pytorchModel } from "./formats/pytorch-model.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./formats/safetensors.ts";
export { evaluateReference } from "./graph/evaluate.ts";
export { ShapeError } from "./graph/shape.ts";
export type { Attributes, Op, Value } from "./graph/value.ts";
export type { Picture } from "./imaging/picture.ts";
export { type PreparationOptions, type PreparationTarget, prepareImage } from "./imaging/prepare-image.ts";
export { findModel, MODELS } from "./models/index.ts";
export * from "./nn/index.ts";
export { type ModelFacts, modelFacts } from "./nn/model-facts.ts";
export type { Averaging } from "./optim/averaging.ts";
export { createOptimizer, type OptimizerSpec } from "./optim/index.ts";
export { learningRateAt, type Schedule } from "./optim/schedules.ts";
export { loadClassifier } from "./prediction/load-classifier.ts";
export type {
  Classification,
  Classifier,
  ClassifyOptions,
  ImageInput,
  Prediction,
  PredictionOutcome,
  PredictOptions,
  PrepareOptions,
  ScoredLabel,
} from "./prediction/prediction.ts";
export { randomStream } from "./random.ts";
export { findRecipe, RECIPES } from "./recipes/index.ts";
export type { Recipe } from "./recipes/recipe.ts";
export { LADDER } from "./report/ladder.ts";
export type { LadderEntry } from "./report/ladder-entry.ts";
export { readAnyRunRecord, readMetrics, readRunRecord } from "./runs/run-files.ts";
export { listRuns } from "./runs/run-status.ts";
export { chooseLowering } from "./runtime/lowering.ts";
export { openModel } from "./runtime/node/classifier.ts";
export { nodeRuntime } from "./runtime/node/index.ts";
export type { Runtime, Session } from "./runtime/runtime.ts";
export type {
  Ladder,
  PredictAnswer,
  ProgressAnswer,
  RecipeSummary,
  RunDetail,
  RunEvaluation,
  RunSummary,
  TestImage,
} from "./server/answers.ts";
export { type AppOptions, createApp, type TailorApp } from "./server/app.ts";
export type { ServerLimits } from "./server/limits.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server/start-server.ts";
export { type TrainingHooks, type TrainingJob, train } from "./training/train.ts";
export { resumeRun, trainNewRun } from "./training/train-run.ts";
