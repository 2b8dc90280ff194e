import type { Lowering } from "../../compile/program.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import type { Fold } from "../../data/split.ts";
import { imageTask, type TrainingData } from "../../data/training-data.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import type { FittedRecipe } from "../../recipes/fit-to-images.ts";
import { normalizationFor, type Recipe, recipeToJson } from "../../recipes/recipe.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import { networkSha256 } from "../../runs/node/hashes.ts";
import { RUN_FORMAT, type RunRecord } from "../../runs/run-record.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TrainingFunctions } from "../own-functions.ts";
import { functionFingerprints } from "./function-fingerprints.ts";

/** Definition of a new run. */
export interface NewRun {
  readonly recipe: Recipe;
  /** The recipe's original values of fields that were adapted to the number of images (`fitToImages`), if any. */
  readonly fittedFrom?: FittedRecipe["fittedFrom"] | undefined;
  /** Absolute path of the file that exports the recipe; undefined for a built-in recipe or one from a program. */
  readonly recipeFile?: string | undefined;
  readonly seed: number;
  readonly trainOn: "split" | "all";
  /** Number of training images to use; null: all. */
  readonly limit: number | null;
  /** The fold that validates, in a cross-validation. */
  readonly fold?: Fold | undefined;
  /** The run that this one grew from (`growRun`). */
  readonly grownFrom?: RunRecord["grownFrom"];
  /** The run's folder. */
  readonly out: string;
}

interface NewRunOptions {
  readonly data: LoadedData;
  readonly threads: number;
  readonly runtime: Runtime;
  readonly functions?: TrainingFunctions | undefined;
}

/** A run's record before training starts. @throws UserError when a function of one's own fails on its sample */
export function newRecord(
  { recipe, fittedFrom, recipeFile, seed, trainOn, limit, fold, grownFrom }: NewRun,
  { data: loaded, threads, runtime, functions = {} }: NewRunOptions,
  lowering: Lowering,
  data: TrainingData,
): RunRecord {
  const { source, verified, files, folder, preparation } = loaded;
  const { channels, height, width } = data.train;
  const task = imageTask(data.train);
  const fingerprints = functionFingerprints(functions, { ...data, batchSize: recipe.batchSize });
  const { parameters, multiplyAdds } = modelFacts(recipe.model, task);
  const isOwn = source === "folder" || source === "pictures";
  return {
    format: RUN_FORMAT,
    recipeName: recipe.name,
    recipe: recipeToJson(recipe),
    model: recipe.model.name,
    ...(fittedFrom ? { fittedFrom: { ...fittedFrom } } : {}),
    ...(recipeFile === undefined ? {} : { recipeFile }),
    networkSha256: networkSha256(recipe.model, task),
    multiplyAdds: multiplyAdds + (recipe.backbone?.multiplyAdds ?? 0),
    parameters,
    seed,
    epochs: recipe.epochs,
    batchSize: recipe.batchSize,
    learningRate: recipe.learningRate,
    trainOn,
    limit,
    ...(fingerprints ? { functions: fingerprints } : {}),
    ...(grownFrom ? { grownFrom } : {}),
    ...(fold ? { fold: { ...fold } } : {}),
    ...computation({ threads, runtime }, lowering),
    data: {
      source,
      verified,
      files: files.map((file) => ({ ...file })),
      trainImages: data.train.count,
      validationImages: data.validation?.count ?? 0,
      ...(isOwn ? { folder } : {}),
      image: { channels, height, width },
      ...(preparation ? { preparation } : {}),
      classes: [...data.train.classNames],
      normalization: normalizationFor(recipe, data.train),
    },
    startedAt: new Date().toISOString(),
    status: "running",
    result: null,
  };
}

/** The record's fields about threads, lowering, device and environment. */
export function computation({ threads, runtime }: { threads: number; runtime: Runtime }, lowering: Lowering) {
  return {
    lowering: lowering.kind,
    blockSize: lowering.kind === "blocked" ? lowering.block : null,
    threads,
    ...(runtime.gpu && { gpu: { name: runtime.gpu.name, backend: runtime.gpu.backend } }),
    ...(runtime.reason !== undefined && { device: runtime.reason }),
    ...collectEnvironment(),
  };
}
