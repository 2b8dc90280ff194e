import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { ImageSet } from "../../data/image-set.ts";
import type { Report } from "../../data/node/chain.ts";
import { fetchFromHub, isHubPlace } from "../../data/node/hugging-face.ts";
import { imageTask } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { INPUT_CONFIGURATIONS } from "../../exchange/input-beside.ts";
import { matchTensors, withOwnNames } from "../../exchange/match-tensors.ts";
import { headOf, readWeightsFile, requireStatedWeights, withFreshHead } from "../../exchange/weights-file.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import type { Pretrained } from "../../recipes/fine-tune.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { MAX_OUTSIDE_BYTES, readOutsideFile } from "../../runs/node/export-files.ts";
import { whatIsAt } from "../../runs/node/file-errors.ts";
import { weightsSha256 } from "../../runs/node/hashes.ts";
import { openRun, RUN_FILES, readWeights, requireTrained } from "../../runs/node/run-files.ts";
import { trainingStages } from "../stages.ts";

/** Weights to start from. */
export interface OpenedWeights {
  readonly pretrained: Pretrained;
  /** Where the normalisation comes from. */
  readonly normalizedAs:
    | "the file says"
    | "the configuration next to the file says"
    | "published weights of the network are"
    | "the training images are";
}

/** Where repositories on Hugging Face have their weights. */
const HUB_FILES = { defaults: ["model.safetensors"], beside: INPUT_CONFIGURATIONS };

/**
 * Opens weights that a training starts from: a safetensors file with PyTorch's names, or the folder of a finished or
 * imported run. Pixels are normalised as the file or a configuration next to it says, or as published weights of the network are.
 *
 * @param place the file or folder, or `hf:OWNER/NAME[/PATH][@REVISION]` of a repository on Hugging Face
 * @throws UserError when the file is missing, cannot be fetched, is damaged or of another format, or the run is not finished
 */
export async function openPretrained(place: string, model: Model, report: Report): Promise<OpenedWeights> {
  const { file, sha256, facts, isStatedBeside, fetched } = await readPlace(place, report);
  const { image } = facts;
  const normalization = facts.normalization ?? model.published?.normalization;
  return {
    pretrained: {
      file,
      ...(fetched && { source: fetched.source }),
      sha256,
      ...(normalization ? { normalization } : {}),
      ...(image ? { image } : {}),
    },
    normalizedAs: facts.normalization
      ? isStatedBeside
        ? "the configuration next to the file says"
        : "the file says"
      : normalization
        ? "published weights of the network are"
        : "the training images are",
  };
}

/**
 * Finds the file of weights that a training may start from.
 *
 * @param place as for `openPretrained`
 * @throws UserError as `openPretrained` does
 */
export async function findWeights(place: string, report: Report): Promise<Pick<Pretrained, "file" | "sha256">> {
  const { file, sha256 } = await readPlace(place, report);
  return { file, sha256 };
}

async function readPlace(place: string, report: Report) {
  const fetched = isHubPlace(place)
    ? await fetchFromHub(place, HUB_FILES, { report, maxBytes: MAX_OUTSIDE_BYTES })
    : undefined;
  const read = readWeightsFile(resolve(fetched?.path ?? weightsFileAt(place)), report);
  return { ...read, fetched };
}

/** The weights of a run, checked against its record; any other path as it is. */
function weightsFileAt(path: string): string {
  if (whatIsAt(path) !== "folder") return path;
  const run = openRun(path);
  requireTrained(run);
  readWeights(run);
  return join(path, RUN_FILES.weights);
}

/**
 * The tensors that a recipe starts from, by name; undefined where it starts from drawn ones. The head is that of the file
 * where it is for the same classes. Otherwise it is drawn anew, but for classes of the same name, which is reported.
 *
 * @param images to train with
 * @throws UserError when the file is missing, has changed since it was opened, or holds another network's weights
 */
export function pretrainedTensors(
  { model, pretrained, ...recipe }: Recipe,
  { images, seed, report }: { images: ImageSet; seed: number; report: Report },
): ReadonlyMap<string, Float32Array> | undefined {
  if (!pretrained) return undefined;
  const task = imageTask(images);
  const fileName = pretrained.file;
  requireStillFetched(pretrained);
  const read = readWeightsFile(fileName, () => {});
  requireUnchanged(pretrained, read.sha256);
  const channels = pretrained.normalization?.mean.length ?? task.channels;
  if (channels !== task.channels) {
    throw new UserError(
      (w) =>
        `the weights in ${fileName} are for images of ${channels} channels, not ${task.channels}; give images of as many with ${w.option("channels", channels)}, or other weights`,
      { exitCode: 2 },
    );
  }
  const named = withOwnNames(read.tensors, model, report);
  const head = headOf(model, task, named);
  const inFile = matchTensors(named, {
    model,
    task: { ...task, classes: head?.classes ?? task.classes },
    fileName,
  });
  requireStatedWeights(read, weightsSha256(inFile));
  const { classNames } = read.facts;
  const isSameHead =
    head?.classes === task.classes && (classNames === undefined || isDeepStrictEqual(classNames, images.classNames));
  if (!head || isSameHead) return new Map(inFile.map(({ name, data }) => [name, data]));
  const other = head.classes === task.classes ? "other classes" : `${head.classes} classes, not ${task.classes}`;
  const rows = images.classNames.map((name) => {
    const row = classNames?.indexOf(name) ?? -1;
    return row < 0 ? undefined : row;
  });
  const known = images.classNames.filter((_, i) => rows[i] !== undefined);
  const kept = known.length === 0 ? "" : `, but for what it has of ${known.join(", ")}`;
  requireTrainedHead(head.names, { ...recipe, model }, task);
  report(`the head of ${fileName} (${head.names.join(", ")}) is for ${other}: it gets fresh weights${kept}`);
  const tensors = withFreshHead(inFile, head, { model, task, seed, rows });
  return new Map(tensors.map(({ name, data }) => [name, data]));
}

/** @throws UserError when a new head is among the frozen layers */
function requireTrainedHead(head: readonly string[], recipe: Recipe, task: ImageTask): void {
  const { tuning } = trainingStages(recipe, task).at(-1)!;
  const frozen = head.find((name) => !tuning.isTrained(name));
  if (frozen === undefined) return;
  throw new UserError(
    `fineTune.frozen: ${frozen} is part of the head, which is new here and must be trained; leave it out of frozen`,
    { exitCode: 2 },
  );
}

/**
 * Checks that the weights a run started from are still the same. A run with a state does not need them any more: they may
 * be gone.
 *
 * @throws UserError when the file is there with other contents
 */
export function requirePretrainedUnchanged({ pretrained }: Pick<Recipe, "pretrained">): void {
  if (pretrained && existsSync(pretrained.file)) requireUnchanged(pretrained, readOutsideFile(pretrained.file).sha256);
}

/** @throws UserError when the file was fetched, and is in the cache no more */
export function requireStillFetched({ file, source }: { readonly file: string; readonly source?: string }): void {
  if (source === undefined || existsSync(file)) return;
  throw new UserError(
    `there is no file ${file} any more, which was ${source}; fetch it again: start a training from that`,
  );
}

function requireUnchanged({ file, sha256 }: Pretrained, found: string): void {
  if (found === sha256) return;
  throw new UserError(
    `${file} has changed since the run began: its SHA-256 is another one. Put it back as it was, or train anew; evaluate and predict do not need it`,
  );
}
