import { z } from "zod";
import { imageGeometrySchema } from "../data/image-set.ts";
import { UserError } from "../errors.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";

/** Weights that a training starts from, as plain data: which file, and how its network's pixels were normalised. */
export interface Pretrained {
  /** Absolute path of the safetensors file. */
  readonly file: string;
  /** Where it was fetched from, with the commit: `hf:OWNER/NAME/PATH@COMMIT`. */
  readonly source?: string;
  readonly sha256: string;
  /** Of the pixels that its network was trained with. Absent where nobody knows it: then that of the training images. */
  readonly normalization?: PixelNormalization;
  /** Size of the images that it was trained with, if the file says it: pictures get it unless another is given. */
  readonly image?: { readonly channels: number; readonly height: number; readonly width: number };
}

export const normalizationSchema = z.strictObject({
  mean: z.array(z.number()),
  standardDeviation: z.array(z.number().positive()),
});

/** Schema of pretrained weights in a recipe. */
export const pretrainedSchema = z.strictObject({
  file: z.string(),
  source: z.string().exactOptional(),
  sha256: z.string(),
  normalization: normalizationSchema.exactOptional(),
  image: imageGeometrySchema.exactOptional(),
});

/**
 * How a network that starts from pretrained weights is trained: first its new head alone, then all layers, with lower rates
 * in early layers, which need to change least (fastai's `fine_tune`; Howard and Ruder 2018). Each of the two stages has an
 * optimizer of its own, and the whole schedule of the learning rate.
 */
export interface FineTune {
  /** Epochs, of the recipe's, in which only the head is trained: the tensors whose shapes depend on the number of classes. Default 0. */
  readonly headEpochs?: number;
  /**
   * Factor of the learning rate in the first half of the layers before the head, counted by their weights; its square root
   * is the second half's. Default 1: the same rate everywhere.
   */
  readonly earlyRate?: number;
  /**
   * Layers that are never trained, by the beginning of their parameters' names: "layer1" is `layer1.0.conv1.weight` and all
   * others inside, not `layer10`. They have no backward pass.
   */
  readonly frozen?: readonly string[];
  /**
   * "frozen": batch norm layers use their running statistics, as in evaluation, which stay as they are. Default: the
   * batch's statistics, which move the running ones, in frozen layers too.
   */
  readonly batchNorm?: "frozen";
}

/** Schema of fine-tuning in a recipe. */
export const fineTuneSchema = z.strictObject({
  headEpochs: z.number().exactOptional(),
  earlyRate: z.number().exactOptional(),
  frozen: z.array(z.string()).exactOptional(),
  batchNorm: z.literal("frozen").exactOptional(),
});

/** @throws UserError (exit code 2) that names the field, its value and what is allowed; layers are checked with the network */
export function checkFineTune({ headEpochs = 0, earlyRate = 1 }: FineTune, epochs: number): void {
  if (!Number.isInteger(headEpochs) || headEpochs < 0 || headEpochs > epochs) {
    throw new UserError(
      `fineTune.headEpochs must be a whole number from 0 to ${epochs}, the epochs in all, got ${headEpochs}`,
      { exitCode: 2 },
    );
  }
  if (!(earlyRate > 0 && earlyRate <= 1)) {
    throw new UserError(`fineTune.earlyRate must be above 0 and at most 1, got ${earlyRate}`, { exitCode: 2 });
  }
}
