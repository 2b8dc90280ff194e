/**
 * Predictions and nothing else: for services. It loads ONNX Runtime's binding, the decoders of pictures and what reads a run,
 * but neither the trainer's command line, figures, HTTP nor pages.
 */

export { UserError } from "../errors.ts";
export type { Fit } from "../imaging/fit-picture.ts";
export type { GroundWanted } from "../imaging/ground.ts";
export type { OpaquePicture, Picture, Samples } from "../imaging/picture.ts";
export type { Preparation } from "../imaging/preparation.ts";
export { loadClassifier } from "../prediction/node/load-classifier.ts";
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
} from "../prediction/prediction.ts";
