import { imageTask, type LabelledData } from "../data/training-data.ts";
import { inferenceModel } from "../formats/inference-model.ts";
import { type ConfidenceFit, factsToText } from "../formats/network-facts.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { ModelGraph } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { GpuAdapter } from "../runtime/runtime.ts";

/** A trained network. */
export interface TrainedNetwork {
  readonly recipe: Recipe;
  readonly seed: number;
  /** What it was trained on: the images, also where a backbone makes features of them. */
  readonly data: LabelledData;
  readonly normalization: PixelNormalization;
  /** How pictures are converted to its pixels, if known. */
  readonly preparation?: Preparation | undefined;
  /** How its probabilities follow from logits, if that was fitted. */
  readonly confidence?: ConfidenceFit | undefined;
  readonly graph: ModelGraph;
  /** Parameters and running statistics, by name; other tensors are ignored. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** The program that trained it. */
  readonly producer: string;
  /** What trained it, where a device was chosen; metadata of `model.onnx`. */
  readonly device?: { readonly reason?: string; readonly gpu?: GpuAdapter } | undefined;
  /** Metadata of `model.onnx` that depends on its weights. */
  readonly weightFacts?: (weights: readonly NamedTensor[]) => Record<string, string>;
}

/** Contents of the files of a trained network, independent of where it was trained and where they are written. */
export interface TrainedFiles {
  /** Tensors of `weights.safetensors`, in the order and shapes of PyTorch's state_dict. */
  readonly weights: readonly NamedTensor[];
  /** Metadata of `weights.safetensors`. */
  readonly facts: Record<string, string>;
  /** The bytes of `model.onnx`. */
  readonly model: Uint8Array;
}

/** The files of a trained network: weights with PyTorch's names and layouts, and a standard ONNX model. */
export function trainedFiles(network: TrainedNetwork): TrainedFiles {
  const { recipe, seed, data, normalization, preparation, confidence } = network;
  const { graph, tensors, producer, weightFacts, device = {} } = network;
  const { classNames } = data.train;
  const task = imageTask(data.train);
  const weights = graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: tensors.get(name)! }));
  return {
    weights,
    facts: factsToText({ model: recipe.model.name, task, classNames, normalization, preparation, confidence }),
    model: inferenceModel({
      model: recipe.model,
      task,
      normalization,
      classNames,
      preparation,
      confidence,
      tensors,
      facts: {
        ...{ producer, recipe: recipe.name, seed: String(seed) },
        ...(device.reason !== undefined && { device: device.reason }),
        ...(device.gpu && { gpu: JSON.stringify(device.gpu) }),
        ...weightFacts?.(weights),
      },
    }),
  };
}
