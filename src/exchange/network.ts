import { differingFile } from "../data/differing-file.ts";
import type { LoadedData } from "../data/sources/chain.ts";
import { imageTask, normalizationOf, trainingData } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import { factsFromText, type NetworkFacts } from "../formats/network-facts.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import type { Model } from "../nn/model.ts";
import { RUN_FILES, readWeights, requireTrained } from "../runs/run-files.ts";
import { readImportedModel, readRecipe } from "../runs/run-recipe.ts";
import { type AnyRunRecord, recordedWeights } from "../runs/run-record.ts";
import { weightsSha256 } from "../runs/weights-hash.ts";
import { matchTensors } from "./match-tensors.ts";

/** A trained network, whole: layers, task, normalisation, class names, and tensors in the order of PyTorch's state_dict. */
export interface TrainedNetwork extends Omit<NetworkFacts, "model"> {
  readonly model: Model;
  readonly tensors: readonly NamedTensor[];
}

/**
 * The network of a run that is finished or imported, from its `weights.safetensors`.
 *
 * @param data the run's own: older runs say nothing of task and normalisation, which then follow from their images
 * @throws UserError when the run is not finished, its recipe's file has changed, or its weights are damaged or not those that the record tells of
 */
export async function readNetwork(
  path: string,
  record: AnyRunRecord,
  data: LoadedData | undefined,
): Promise<TrainedNetwork> {
  requireTrained(path, record);
  const fileName = `${path}/${RUN_FILES.weights}`;
  const { tensors, metadata } = readWeights(path);
  const stated = factsFromText(metadata, fileName);
  const { image, classNames, normalization } =
    stated.image && stated.normalization ? stated : { ...stated, ...factsFromData(path, record, data) };
  if (!image || !classNames || !normalization) {
    throw new UserError(`${fileName} does not say its classes; restore the file from a copy, or import it again`);
  }
  const task = { ...image, classes: classNames.length };
  const model =
    record.status === "imported"
      ? await readImportedModel(path, record, task)
      : (await readRecipe(path, record, { task })).model;
  const matched = matchTensors(tensors, { model, task, fileName });
  if (weightsSha256(matched) !== recordedWeights(record)) {
    throw new UserError(
      `${fileName} holds other weights than run.json tells of (another checksum); restore the file from a copy, or make a run of it with: node bin/tailor.js import ${fileName} --model ${record.recipeFile ?? model.name}`,
    );
  }
  return { model, task, normalization, classNames, preparation: stated.preparation, tensors: matched };
}

function factsFromData(path: string, record: AnyRunRecord, data: LoadedData | undefined) {
  if (record.status === "imported" || !data || differingFile(data, record.data.files) !== undefined) {
    throw new UserError(
      `${path}/${RUN_FILES.weights} does not say its normalisation, as files of older versions do not; give the run's own data with --data, from which it follows`,
    );
  }
  const { train } = trainingData(data.train, record);
  return { image: imageTask(train), normalization: normalizationOf(train) };
}
