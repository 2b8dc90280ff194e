/** tailor's public API: define networks, train, evaluate and serve them, write and read their files. */

export { type CompiledOperation, type CompiledProgram, compile, type TensorSpec } from "./compile/compile.ts";
export { gradients } from "./compile/gradients.ts";
export type { Lowering, Program, StatePart, StateTensor } from "./compile/program.ts";
export type { Augmentation } from "./data/augmentation.ts";
export { type EvaluationBatch, evaluationBatches, type TrainingBatches, trainingBatches } from "./data/batches.ts";
export type { RandomBlur } from "./data/blur-image.ts";
export type { ColorJitter } from "./data/color-jitter.ts";
export type { PublishedFile } from "./data/fashion-mnist.ts";
export {
  createImageSet,
  type ImageSet,
  type LabelledSet,
  type PixelStatistics,
  pixelStatistics,
  selectImages,
  type ValuesOf,
} from "./data/image-set.ts";
export type { Imbalance } from "./data/imbalance.ts";
export type { Mixing } from "./data/mixing.ts";
export type { LoadedData, Report } from "./data/node/chain.ts";
export {
  loadCustomData,
  /** @deprecated old name: use `loadCustomData` */
  loadCustomData as loadOwnData,
} from "./data/node/custom-data.ts";
export type {
  CustomDataOptions,
  /** @deprecated old name: use `CustomDataOptions` */
  CustomDataOptions as OwnDataOptions,
} from "./data/node/custom-data-options.ts";
export type { StoredKind } from "./data/node/data-readers.ts";
export { loadFashionMnist } from "./data/node/fashion-mnist.ts";
export { type Extent, type Inspection, inspectData, type PictureFacts } from "./data/node/inspect.ts";
export type { PictureCache } from "./data/node/picture-cache.ts";
export type { OnRead, UnreadablePicture } from "./data/node/read-pictures.ts";
export type { Augment, AugmentationContext } from "./data/own-augmentation.ts";
export type { RandomErasing } from "./data/random-erasing.ts";
export { memoryRows, type Rows } from "./data/rows.ts";
export { type Fold, type Split, stratifiedSplit } from "./data/split.ts";
export {
  imageTask,
  type LabelledData,
  normalizationOf,
  type TrainingData,
  type TrainingDataOptions,
  trainingData,
} from "./data/training-data.ts";
export type { RandomResizedCrop, WarpOptions } from "./data/warp-image.ts";
// Also available as separate entries.
export * from "./entries/predict.ts";
export * from "./entries/server.ts";
export { UserError } from "./errors.ts";
export type { Calibration, CalibrationBin } from "./evaluation/calibration.ts";
export { type EvaluateOptions, evaluate, type LogitsOf } from "./evaluation/evaluate.ts";
export type { ClassificationMetrics, ClassMetrics } from "./evaluation/metrics.ts";
export {
  EVALUATION_SPLITS,
  type EvaluateRunOptions,
  type EvaluationSplit,
  evaluateRun,
} from "./evaluation/node/evaluate-run.ts";
export {
  type ConfusedPair,
  type Mistake,
  mostConfidentMistakes,
  mostConfusedPairs,
  type Predictions,
  type ScoredPredictions,
} from "./evaluation/predictions.ts";
export {
  type ClassRanking,
  type CurvePoint,
  precisionRecallCurve,
  type Ranking,
  rankingOf,
  rocCurve,
  type ThresholdCounts,
} from "./evaluation/ranking.ts";
export {
  comparePaired,
  type Interval,
  type MeanDifference,
  type PairedComparison,
  type Spread,
  seedSpread,
  /** @deprecated old name: use `seedSpread` */
  seedSpread as spreadOf,
  welchInterval,
} from "./evaluation/significance.ts";
export { type Exported, type ExportOptions, exportRun } from "./exchange/export-run.ts";
export { type ImportOptions, importWeights } from "./exchange/import-weights.ts";
export {
  ABLATION,
  type AblationChange,
  type AblationOptions,
  type AblationPart,
  type PlannedAblationRow,
  planAblation,
  type RunAblationOptions,
  runAblation,
} from "./experiments/ablation.ts";
export { type ComparisonOptions, comparisonReport } from "./experiments/comparison-report.ts";
export { type MergedShards, mergeShards } from "./experiments/merge-shards.ts";
export {
  type FinishedRun,
  type PlannedRun,
  planSeeds,
  type SeedlessRun,
  seedBySeed,
} from "./experiments/planned-run.ts";
export {
  type RaceOptions,
  readRace,
  readRaces,
  runRace,
  type Verification,
  type VerifyOptions,
  verifyRace,
} from "./experiments/race.ts";
export {
  type RunReportOptions,
  runReportPage,
  writeRunReport,
} from "./experiments/run-report.ts";
export {
  type FoldsOptions,
  type SeedResult,
  type SeedsOptions,
  type SeedsResult,
  trainFolds,
  trainSeeds,
} from "./experiments/seeds.ts";
export type { OwnResult } from "./experiments/study/own-results.ts";
export type { WrittenReport } from "./experiments/study/write-report.ts";
export {
  halvingRungs,
  type Rung,
  runSweep,
  type SweepOptions,
  type SweepPlan,
  type SweepResult,
} from "./experiments/sweep.ts";
export {
  type EvaluatedRun,
  type ExperimentEvent,
  type ExperimentOptions,
  evaluateAll,
  type Shard,
  type TrainAllOptions,
  type TrainRuns,
  trainAll,
  trainShard,
} from "./experiments/train-all.ts";
export { type Candidate, candidatesOf, drawCandidates, gridOf, type Variation } from "./experiments/variations.ts";
export type { Backbone, BackboneInput, Pooling } from "./formats/backbone.ts";
export { type InferenceModelParts, inferenceModel } from "./formats/inference-model.ts";
export { pytorchModel } from "./formats/pytorch-model.ts";
export {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  type Safetensors,
} from "./formats/safetensors.ts";
export { evaluateReference, type ReferenceFeeds } from "./graph/evaluate.ts";
export { type Shape, ShapeError } from "./graph/shape.ts";
export type { Attributes, DType, Op, ReferenceTensor, Value } from "./graph/value.ts";
export { type Fit, type FitTarget, fitPicture } from "./imaging/fit-picture.ts";
export type { GroundWanted } from "./imaging/ground.ts";
export type { OpaquePicture, Picture, Samples } from "./imaging/picture.ts";
export { type Preparation, prepareAs } from "./imaging/preparation.ts";
export {
  type PreparationOptions,
  type PreparationStep,
  type PreparationTarget,
  prepareImage,
} from "./imaging/prepare-image.ts";
export { findModel, MODELS } from "./models/index.ts";
export * from "./nn/index.ts";
export type { Initializer } from "./nn/init.ts";
export type { Mode } from "./nn/layer.ts";
export type {
  BufferDeclaration,
  LayerFacts,
  MaskDeclaration,
  ModelGraph,
  ModelGraphOptions,
  TensorDeclaration,
} from "./nn/model.ts";
export { type ModelFacts, modelFacts } from "./nn/model-facts.ts";
export type { PixelNormalization } from "./ops/normalize-pixels.ts";
export type { AdamOptions } from "./optim/adam.ts";
export type { Averaging } from "./optim/averaging.ts";
export { createOptimizer, type OptimizerSpec } from "./optim/index.ts";
export type { MuonOptions } from "./optim/muon.ts";
export type { Optimizer, UpdateInputs, UpdateResults } from "./optim/optimizer.ts";
export { learningRateAt, type Schedule, type SchedulePosition, type WarmUp } from "./optim/schedules.ts";
export type { SgdOptions } from "./optim/sgd.ts";
export { type RandomStream, randomStream } from "./random.ts";
export type { FineTune, Pretrained } from "./recipes/fine-tune.ts";
export {
  FITTED_FIELDS,
  type FitOptions,
  type FittedField,
  type FittedRecipe,
  fitToImages,
  fitToTraining,
} from "./recipes/fit-to-images.ts";
export { FIELD_RECIPES, findRecipe, RECIPES } from "./recipes/index.ts";
export type { Recipe, Views } from "./recipes/recipe.ts";
export type { FieldValue, RecipeChanges } from "./recipes/recipe-fields.ts";
export { FINE_TUNING, type FineTuneOptions, startFrom } from "./recipes/start-from.ts";
export { type TransferOptions, transfer } from "./recipes/transfer.ts";
export type { LadderEntry } from "./report/ladder/entry.ts";
export { LADDER } from "./report/ladder/ladder.ts";
export type { AblationReport, AblationResultPart, AblationRow, AblationRun } from "./report/node/ablation-report.ts";
export type { SweepRow } from "./report/node/sweep-report.ts";
export type { RaceEntry, RaceResult, RaceRow, RaceRun } from "./report/race.ts";
export type { Repeat } from "./report/run-page.ts";
export type { MetricsLine } from "./runs/metrics.ts";
export { type OutputFolder, openOutputFolder } from "./runs/node/output-folder.ts";
export { loadGrownRunData, loadRunData } from "./runs/node/run-data.ts";
export {
  openRun,
  type ReadMetricsOptions,
  type Run,
  readAnyRunRecord,
  readMetrics,
  readRunRecord,
} from "./runs/node/run-files.ts";
export { type ListedRun, listRuns, type RunStatus, runStatus } from "./runs/node/run-status.ts";
export type { AnyRunRecord, FinishedRunRecord, ImportedRunRecord, RunRecord } from "./runs/run-record.ts";
export { chooseLowering } from "./runtime/lowering.ts";
export type { ModelSession } from "./runtime/model-session.ts";
export { nodeRuntime } from "./runtime/node/index.ts";
export { openModel } from "./runtime/node/open-model.ts";
export type { GpuAdapter, Runtime, Session, SessionOptions, TensorData } from "./runtime/runtime.ts";
export type { BestEpoch } from "./training/best-epoch.ts";
export type { ChosenRecipe } from "./training/choose-weight-decay.ts";
export { DivergedError } from "./training/diverged.ts";
export {
  type FindLearningRateOptions,
  type FoundLearningRate,
  findLearningRate,
  type LearningRateStep,
} from "./training/find-learning-rate.ts";
export type { HookAnswer } from "./training/hooks.ts";
export { type ChosenRange, chooseBackboneRange } from "./training/node/choose-backbone-range.ts";
export { type ChoiceOptions, chooseWeightDecay } from "./training/node/choose-weight-decay.ts";
export { growRun } from "./training/node/grow-run.ts";
export type { NewRun } from "./training/node/new-run.ts";
export {
  BACKBONE_RANGES,
  type BackboneOptions,
  type BackboneRange,
  type OpenedBackbone,
  openBackbone,
} from "./training/node/open-backbone.ts";
export type { FeatureOptions } from "./training/node/picture-features.ts";
export { type OpenedWeights, openPretrained } from "./training/node/pretrained.ts";
export type { TrainedRun, TrainRunOptions } from "./training/node/train-into.ts";
export { type Extension, extendRun, type ResumeOptions, resumeRun, trainNewRun } from "./training/node/train-run.ts";
export type { TrainingFunctions } from "./training/own-functions.ts";
export type { Loss, LossInputs } from "./training/own-loss.ts";
export type { Metric, MetricInputs, Metrics } from "./training/own-metrics.ts";
export type { TrainingPosition, TrainingProgress } from "./training/progress.ts";
export {
  type EpochResult,
  type TrainingHooks,
  type TrainingJob,
  type TrainingOutcome,
  type TrainingSnapshot,
  train,
} from "./training/train.ts";
export type { OptionName, Wording, Words } from "./wording.ts";
