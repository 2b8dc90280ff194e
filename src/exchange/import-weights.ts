import { FASHION_MNIST, FASHION_MNIST_NORMALIZATION } from "../data/fashion-mnist.ts";
import type { Report } from "../data/node/chain.ts";
import { UserError, valueOrUserError } from "../errors.ts";
import { inferenceModel } from "../formats/inference-model.ts";
import { quote } from "../formats/json.ts";
import { factsToText, type StatedFacts } from "../formats/network-facts.ts";
import { findModel, MODELS } from "../models/index.ts";
import type { Model } from "../nn/model.ts";
import { modelFacts } from "../nn/model-facts.ts";
import { collectEnvironment } from "../runs/node/environment.ts";
import { BLANK_SEAL, fileSum, networkSha256, seal, sealedSafetensors, weightsSha256 } from "../runs/node/hashes.ts";
import { modelNamed, recipeFileOf } from "../runs/node/recipe-file.ts";
import { RUN_FILES } from "../runs/node/run-files.ts";
import { createRunFolder } from "../runs/node/run-folder.ts";
import { type ImportedRunRecord, RUN_FORMAT } from "../runs/run-record.ts";
import { openModel } from "../runtime/node/open-model.ts";
import { inWords, type Words } from "../wording.ts";
import { fileLogits, noiseImages } from "./logits.ts";
import { matchTensors, withOwnNames } from "./match-tensors.ts";
import type { TrainedNetwork } from "./network.ts";
import { recordFacts } from "./network.ts";
import { headOf, readWeightsFile, requireStatedWeights, withFreshHead } from "./weights-file.ts";

/** Options of an import: facts that the file does not state, and the output folder. */
export interface ImportOptions extends Omit<StatedFacts, "model"> {
  /** A model, or the name of one of tailor's, or a file that exports a recipe. */
  readonly model?: string | Model;
  /** The run's folder, given the model's name. */
  readonly out: (model: string) => string;
  readonly threads: number;
  /** Told what was assumed or left out. */
  readonly report: Report;
}

/**
 * Imports external weights (from PyTorch, say) as a run, which can be evaluated, compared, served and exported like any
 * other. Facts missing in the options are taken from the file's metadata, or else from Fashion-MNIST.
 *
 * @param file safetensors, with PyTorch's names and layouts; floats of any width become float32
 * @throws UserError when the file is damaged, its tensors are not the model's, or the folder exists; nothing is then
 *   written
 */
export async function importWeights(
  file: string,
  { out, threads, report, model: named, ...given }: ImportOptions,
): Promise<{ folder: string; record: ImportedRunRecord }> {
  const read = readWeightsFile(file, report);
  const { model: stated, ...facts } = read.facts;
  const found = await findNamed(file, named, stated);
  const { published } = found.model;
  const inOurNames = withOwnNames(read.tensors, found.model, report);
  const head = published && headOf(found.model, { ...published.image, classes: published.classes }, inOurNames);
  const network = { model: found.model, ...describe(file, { ...facts, ...given }, found.model, head?.classes, report) };
  const isOtherHead = head !== undefined && head.classes !== network.task.classes;
  if (isOtherHead) {
    report(
      `the head of ${file} (${head.names.join(", ")}) is for ${head.classes} classes, not ${network.task.classes}: it gets fresh weights, which must be trained`,
    );
  }
  const classes = isOtherHead ? head.classes : network.task.classes;
  const inFile = matchTensors(inOurNames, { ...network, task: { ...network.task, classes }, fileName: file });
  const tensors = isOtherHead ? withFreshHead(inFile, head, { ...network, seed: HEAD_SEED }) : inFile;
  const sum = weightsSha256(tensors);
  requireStatedWeights(read, sum);

  const { model, task } = network;
  const { parameters, multiplyAdds } = modelFacts(model, task);
  const imported: ImportedRunRecord = {
    format: RUN_FORMAT,
    model: model.name,
    ...(found.recipeFile === undefined ? {} : { recipeFile: found.recipeFile }),
    networkSha256: networkSha256(model, task),
    multiplyAdds,
    parameters,
    ...collectEnvironment(),
    startedAt: new Date().toISOString(),
    status: "imported",
    result: null,
    source: { file, bytes: read.bytes, sha256: read.sha256 },
    weightsSha256: sum,
  };
  const data = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
  const onnx = seal(
    inferenceModel({ ...network, tensors: data, facts: { ...recordFacts(imported), ...BLANK_SEAL } }),
    "onnx",
  );
  await checkModel(onnx, file, network, threads);
  const texts = factsToText({ ...network, model: model.name });
  const files = [fileSum(RUN_FILES.weights, sealedSafetensors(tensors, texts)), fileSum(RUN_FILES.model, onnx)];
  const record: ImportedRunRecord = { ...imported, files };

  const folder = createRunFolder(out(model.name));
  try {
    // First: it marks the folder as ours, so that an interrupted import can be repeated (`createRunFolder`).
    folder.writeRecord(record);
    folder.writeWeights(tensors, texts);
    folder.writeModel(onnx);
    return { folder: folder.path, record };
  } finally {
    folder.close();
  }
}

/** Of a fresh head's weights, so that an import can be repeated. */
const HEAD_SEED = 1;

/**
 * Finds the model of the weights.
 *
 * @param named in the options @param stated in the file
 */
async function findNamed(
  file: string,
  named: string | Model | undefined,
  stated: string | undefined,
): Promise<{ model: Model; recipeFile?: string | undefined }> {
  if (typeof named === "object") return { model: named };
  if (named !== undefined) return { model: await modelNamed(named), recipeFile: recipeFileOf(named) };
  const ours = stated === undefined ? undefined : valueOrUserError(() => findModel(stated));
  if (ours && !(ours instanceof UserError)) return { model: ours };
  const whose =
    stated === undefined ? "does not say which model it belongs to" : `belongs to the model ${quote(stated)}`;
  throw new UserError(
    (w) =>
      `${file} ${whose}; name one with ${w.option("model")}: ${MODELS.map(({ name }) => name).join(", ")}, or the file of your own recipe`,
    { exitCode: 2 },
  );
}

/** What is taken to be Fashion-MNIST's, where nobody says it. */
const ASSUMED = [
  ["image", "size of the images"],
  ["classNames", "classes"],
  ["normalization", "normalisation"],
] as const;

/** What is assumed of a file that says nothing: what published weights of the network expect, or else Fashion-MNIST's. */
function standardFacts({ published }: Model, classes: number | undefined) {
  if (!published) {
    return {
      title: FASHION_MNIST.title,
      image: { channels: 1, height: FASHION_MNIST.height, width: FASHION_MNIST.width },
      classNames: FASHION_MNIST.classNames,
      normalization: FASHION_MNIST_NORMALIZATION,
    };
  }
  return {
    title: "ImageNet",
    image: published.image,
    // The names are not in the file.
    classNames: Array.from({ length: classes ?? published.classes }, (_, i) => String(i)),
    normalization: published.normalization,
    preparation: { kind: "fit", fit: "crop" } as const,
  };
}

/**
 * What the network is shown and asked for, as the file or whoever imports it says.
 *
 * @param classes in the file's head, where the network is one that others have published weights for
 */
function describe(
  file: string,
  stated: Omit<StatedFacts, "model">,
  model: Model,
  classes: number | undefined,
  report: Report,
): Omit<TrainedNetwork, "tensors" | "model"> {
  const { title, ...standard } = standardFacts(model, classes);
  const assumed = ASSUMED.filter(([fact]) => stated[fact] === undefined);
  if (assumed.length > 0) {
    const words: Words = (w) => {
      const facts = assumed.map(([fact, what]) => `${what} (${w.option(fact)})`);
      return `${file} says nothing of ${facts.join(", ")}: taken to be ${title}'s`;
    };
    report(inWords(words), words);
  }
  const { image, classNames, normalization } = { ...standard, ...stated };
  const again = classNames.find((name, i) => classNames.indexOf(name) < i);
  if (again !== undefined) {
    throw new UserError(
      (w) =>
        `the class ${quote(again)} is named twice; give each class a name of its own with ${w.option("classNames")}`,
      { exitCode: 2 },
    );
  }
  if (normalization.mean.length !== image.channels) {
    throw new UserError(
      (w) =>
        `images of ${image.channels} channels need a mean and a deviation for each, got ${normalization.mean.length}; give ${w.option("normalization")} and ${w.option("image")} that go together`,
      { exitCode: 2 },
    );
  }
  const { preparation, confidence } = { ...standard, ...stated };
  return { task: { ...image, classes: classNames.length }, classNames, normalization, preparation, confidence };
}

/** Checks that logits are finite: finite weights may still overflow, or contain a negative variance. */
async function checkModel(
  onnx: Uint8Array,
  file: string,
  { task }: Omit<TrainedNetwork, "tensors">,
  threads: number,
): Promise<void> {
  const session = await openModel(onnx, file, { threads });
  try {
    await fileLogits(session, noiseImages(task));
  } finally {
    await session.release();
  }
}
