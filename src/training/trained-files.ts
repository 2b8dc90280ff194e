import { imageTask, type TrainingData } from "../data/training-data.ts";
import { inferenceModel } from "../formats/inference-model.ts";
import { factsToText } from "../formats/network-facts.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { ModelGraph } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** What a trained network is. */
export interface TrainedNetwork {
  readonly recipe: Recipe;
  readonly seed: number;
  readonly data: TrainingData;
  readonly normalization: PixelNormalization;
  /** How pictures become its pixels, where that is known. */
  readonly preparation?: Preparation | undefined;
  readonly graph: ModelGraph;
  /** Parameters and running statistics, by name; others are left out. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** The program that trained it. */
  readonly producer: string;
  /** What is to be found in `model.onnx` of the weights that it holds. */
  readonly weightFacts?: (weights: readonly NamedTensor[]) => Record<string, string>;
}

/** What the files of a trained network hold, wherever it was trained and wherever they go. */
export interface TrainedFiles {
  /** Of `weights.safetensors`: in the order and shapes of PyTorch's state_dict, */
  readonly weights: readonly NamedTensor[];
  /** and its text fields. */
  readonly facts: Record<string, string>;
  /** The bytes of `model.onnx`. */
  readonly model: Uint8Array;
}

/** The files of a trained network: weights with PyTorch's names and layouts, and an ordinary ONNX model. */
export function trainedFiles(network: TrainedNetwork): TrainedFiles {
  const { recipe, seed, data, normalization, preparation, graph, tensors, producer, weightFacts } = network;
  const { classNames } = data.train;
  const task = imageTask(data.train);
  const weights = graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: tensors.get(name)! }));
  return {
    weights,
    facts: factsToText({ model: recipe.model.name, task, classNames, normalization, preparation }),
    model: inferenceModel({
      model: recipe.model,
      task,
      normalization,
      classNames,
      preparation,
      tensors,
      facts: { producer, recipe: recipe.name, seed: String(seed), ...weightFacts?.(weights) },
    }),
  };
}
