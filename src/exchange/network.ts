import { differingFile } from "../data/differing-file.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { imageTask, normalizationOf, trainingData } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import { factsFromText, type NetworkFacts } from "../formats/network-facts.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import type { Model } from "../nn/model.ts";
import { weightsSha256 } from "../runs/node/hashes.ts";
import { RUN_FILES, type Run, readWeights, requireOwnNormalization, requireTrained } from "../runs/node/run-files.ts";
import { readImportedModel, readRecipe } from "../runs/node/run-recipe.ts";
import { type AnyRunRecord, recordedWeights } from "../runs/run-record.ts";
import { matchTensors } from "./match-tensors.ts";

/**
 * A complete trained network: layers, task, normalisation, class names, and tensors in the order of PyTorch's
 * state_dict.
 */
export interface TrainedNetwork extends Omit<NetworkFacts, "model"> {
  readonly model: Model;
  readonly tensors: readonly NamedTensor[];
}

/**
 * Reads the network of a finished or imported run from its `weights.safetensors`.
 *
 * @param data of the run: records of older runs lack task and normalisation, which are then derived from the images
 * @throws UserError when the run is not finished, its recipe's file has changed, or its weights are damaged or do not
 *   match the record
 */
export async function readNetwork(run: Run, data: LoadedData | undefined): Promise<TrainedNetwork> {
  requireTrained(run);
  const { path, record } = run;
  const fileName = `${path}/${RUN_FILES.weights}`;
  const { tensors, metadata } = readWeights(run);
  const stated = factsFromText(metadata, fileName);
  requireOwnNormalization(run, RUN_FILES.weights, stated.normalization);
  const { image, classNames, normalization } =
    stated.image && stated.normalization ? stated : { ...stated, ...factsFromData(run, data) };
  if (!image || !classNames || !normalization) {
    throw new UserError(`${fileName} does not say its classes; restore the file from a copy, or import it again`);
  }
  const task = { ...image, classes: classNames.length };
  if (record.status !== "imported" && record.recipe.backbone) {
    throw new UserError(
      `${path}/${RUN_FILES.weights} holds only the head of the network; its backbone has no layers of tailor's to write. ${path}/${RUN_FILES.model} holds both, for any program that reads ONNX`,
    );
  }
  const model =
    record.status === "imported"
      ? await readImportedModel(path, record, task)
      : (await readRecipe(path, record, { task })).model;
  const matched = matchTensors(tensors, { model, task, fileName });
  if (weightsSha256(matched) !== recordedWeights(record)) {
    throw new UserError(
      (w) =>
        `${fileName} holds other weights than run.json tells of (another checksum); restore the file from a copy, or import it as another run${w.command(`import ${fileName}`, { model: record.recipeFile ?? model.name })}`,
    );
  }
  return {
    model,
    task,
    normalization,
    classNames,
    preparation: stated.preparation,
    confidence: stated.confidence,
    tensors: matched,
  };
}

function factsFromData({ path, record }: Run, data: LoadedData | undefined) {
  if (record.status === "imported" || !data || differingFile(data, record.data.files) !== undefined) {
    throw new UserError(
      (w) =>
        `${path}/${RUN_FILES.weights} does not say its normalisation, as files of older versions do not; give the run's own data with ${w.option("data")}, from which it follows`,
    );
  }
  const { train } = trainingData(data.train, record);
  return { image: imageTask(train), normalization: normalizationOf(train) };
}

/**
 * The provenance and accuracies of a network, as text fields for its files. Accuracies are fractions from 0 to 1; test
 * accuracy includes the counts.
 */
export function recordFacts(record: AnyRunRecord): Record<string, string> {
  const test = record.evaluations?.test;
  return {
    producer: `tailor ${record.versions.tailor}`,
    ...(record.commit === null ? {} : { commit: record.commit }),
    ...originFacts(record),
    ...(test ? { testAccuracy: `${test.accuracy} (${test.correct} of ${test.total})` } : {}),
  };
}

function originFacts(record: AnyRunRecord): Record<string, string> {
  if (record.status === "imported") {
    const { source, weightsSha256 } = record;
    // Only the file name: the exported file may be shared, and the path is private.
    const name = source.file.split(/[\\/]/).at(-1)!;
    return { importedFrom: `${name} (SHA-256 ${source.sha256})`, weightsSha256 };
  }
  const { recipeName, seed, epochs, data, result } = record;
  return {
    recipe: recipeName,
    seed: String(seed),
    epochs: String(epochs),
    trainImages: String(data.trainImages),
    ...(result === null ? {} : { weightsSha256: result.weightsSha256 }),
    ...(result?.validationAccuracy == null ? {} : { validationAccuracy: String(result.validationAccuracy) }),
  };
}
