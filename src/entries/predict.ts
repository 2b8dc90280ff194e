/**
 * Predictions only, for services. It loads ONNX Runtime's binding, image decoders and the reader of runs, but not the
 * command line, figures, HTTP server or pages.
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
