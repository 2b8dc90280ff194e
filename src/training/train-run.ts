import type { Lowering } from "../compile/program.ts";
import { checkAugmentation } from "../data/check-augmentation.ts";
import type { LoadedData } from "../data/sources/chain.ts";
import { imageTask, normalizationOf, type TrainingData, trainingData } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import type { Model } from "../nn/model.ts";
import { checkRecipe, type Recipe } from "../recipes/recipe.ts";
import { peakMemoryBytes } from "../runs/environment.ts";
import { createEventFile, hasEventFile } from "../runs/event-file.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { hasState, RUN_FILES, readMetrics, readRunRecord } from "../runs/run-files.ts";
import { createRunFolder, type RunFolder, resumeRunFolder } from "../runs/run-folder.ts";
import { readRecipe } from "../runs/run-recipe.ts";
import type { FinishedRunRecord, RunRecord } from "../runs/run-record.ts";
import { runStatus } from "../runs/run-status.ts";
import { weightsSha256 } from "../runs/weights-hash.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { computation, type NewRun, newRecord } from "./new-run.ts";
import { checkResumable, checkSnapshot, decodeSnapshot, encodePosition, metricsUpTo } from "./resume.ts";
import { type TrainingHooks, type TrainingSnapshot, train } from "./train.ts";
import { trainedFiles } from "./trained-files.ts";

/** What a run is trained on and with. */
export interface TrainRunOptions {
  readonly data: LoadedData;
  readonly threads: number;
  /** Left out: blocked where the processor has it. */
  readonly lowering?: Lowering["kind"] | undefined;
  readonly runtime: Runtime;
  /** As in TrainingJob. */
  readonly stepsPerRun?: number;
  /** Write events for TensorBoard into the run's folder. A resumed run that has some writes more in any case. */
  readonly tensorboard?: boolean;
  /** What the caller is told while it trains, and asked. */
  readonly hooks?: Omit<TrainingHooks, "onEpoch"> & {
    /** After each epoch, with its line of `metrics.jsonl`. */
    readonly onEpoch?: (line: MetricsLine) => void;
  };
  /** Called once the run's folder and record are there. */
  readonly onStart?: (folder: string, record: RunRecord, from: TrainingSnapshot | undefined) => void;
}

/** A run that came to its end, or was stopped before it and can be resumed. */
export type TrainedRun =
  | { readonly isFinished: true; readonly folder: string; readonly record: FinishedRunRecord }
  | { readonly isFinished: false; readonly folder: string; readonly step: number };

/**
 * Trains a recipe into a new run folder: run.json first, state and metrics after each epoch, weights and model at the end.
 *
 * @throws UserError when the recipe or an option is refused, the folder is taken, or training diverges
 */
export async function trainNewRun(run: NewRun, options: TrainRunOptions): Promise<TrainedRun> {
  checkRecipe(run.recipe);
  const lowering = await chooseLowering(options.runtime, options.lowering);
  // Everything that can be refused is refused before the folder is touched.
  const data = trainingData(options.data.train, run);
  if (run.recipe.batchSize > data.train.count) {
    throw new UserError(
      `batch size ${run.recipe.batchSize} is more than the ${data.train.count} training images; use --batch-size ${data.train.count} or less`,
      { exitCode: 2 },
    );
  }
  if (data.validation?.count === 0) {
    throw new UserError(
      `${options.data.train.count} images to train with leave none to validate on; give more, or use --train-on all`,
      { exitCode: 2 },
    );
  }
  checkAugmentation(run.recipe.augmentation, data.train);
  const folder = createRunFolder(run.out);
  try {
    const record = newRecord(run, options, lowering, data);
    return await trainInto(folder, { ...run, record, lowering, options, data });
  } finally {
    folder.close();
  }
}

/**
 * Goes on with an interrupted run; one that has no state yet starts over.
 *
 * @param options.allowDifferent go on although the lowering or ONNX Runtime's version is another: the result will not be bit for
 *   bit that of an uninterrupted run
 * @param options.model the run's, where it is neither tailor's nor from a recipe's file
 * @throws UserError when there is nothing to resume, the data is not the run's, or the computation would differ
 */
export async function resumeRun(
  path: string,
  options: TrainRunOptions & { readonly allowDifferent: boolean; readonly model?: Model },
): Promise<TrainedRun> {
  const before = readRunRecord(path);
  const recipe = await readRecipe(path, before, { task: imageTask(options.data.train), own: options.model });
  const lowering = await chooseLowering(options.runtime, options.lowering ?? before.lowering);
  const differences = checkResumable(path, before, { ...options, lowering });
  const status = runStatus(path);
  const { recipeFile, seed, trainOn, limit } = before;
  const run = { recipe, recipeFile, seed, trainOn, limit, out: path };
  // A state that is there but damaged is no reason to throw away what else there is: resumeRunFolder refuses it.
  if (status.kind === "unfinished" && !status.resumable && !hasState(path)) {
    const tensorboard = options.tensorboard === true || hasEventFile(path);
    return trainNewRun(run, { ...options, lowering: lowering.kind, tensorboard });
  }

  const { folder, record, state } = resumeRunFolder(path);
  try {
    const fileName = `${path}/${RUN_FILES.state}`;
    const from = decodeSnapshot(state, fileName);
    const data = trainingData(options.data.train, run);
    checkSnapshot(from, fileName, { record, recipe, task: imageTask(data.train) });
    // The record then tells what computed the weights last: they are nobody else's any more.
    const now = differences.length === 0 ? record : { ...record, ...computation(options, lowering) };
    return await trainInto(folder, { recipe, seed: record.seed, record: now, lowering, options, data, from });
  } finally {
    folder.close();
  }
}

interface TrainIntoOptions {
  readonly recipe: Recipe;
  readonly seed: number;
  readonly record: RunRecord;
  readonly lowering: Lowering;
  readonly options: TrainRunOptions;
  readonly data: TrainingData;
  readonly from?: TrainingSnapshot;
}

async function trainInto(
  folder: RunFolder,
  { recipe, seed, record, lowering, options, data, from }: TrainIntoOptions,
): Promise<TrainedRun> {
  const { runtime, threads, stepsPerRun, hooks, onStart, tensorboard = false } = options;
  const found = from ? readMetrics(folder.path) : [];
  const lines = metricsUpTo(from?.position.step ?? 0, found, `${folder.path}/${RUN_FILES.metrics}`, record);
  folder.writeRecord(record);
  if (options.data.split) folder.writeSplit(options.data.split);
  const events = openEvents(folder.path, lines, { isWanted: tensorboard, from });
  onStart?.(folder.path, record, from);
  const normalization = normalizationOf(data.train);
  const writeState = ({ tensors, position }: TrainingSnapshot) => {
    folder.writeState(
      [...tensors].map(([name, values]) => ({ name, shape: [values.length], data: values })),
      encodePosition(position),
    );
  };
  const { isFinished, snapshot, tensors, graph } = await train(
    { recipe, data, normalization, seed, threads, lowering, runtime, stepsPerRun },
    {
      ...hooks,
      onEpoch(line, atEnd) {
        lines.push(line);
        folder.writeMetrics(lines);
        events?.write(line);
        writeState(atEnd);
        hooks?.onEpoch?.(line);
      },
    },
    from,
  );
  if (!isFinished) {
    writeState(snapshot);
    return { isFinished, folder: folder.path, step: snapshot.position.step };
  }

  const producer = `tailor ${record.versions.tailor}`;
  const files = trainedFiles({
    recipe,
    seed,
    data,
    normalization,
    preparation: options.data.preparation,
    graph,
    tensors,
    producer,
  });
  folder.writeWeights(files.weights, files.facts);
  folder.writeModel(files.model);
  const last = lines.at(-1)!;
  const { seconds, step } = snapshot.position;
  const finished: FinishedRunRecord = {
    ...record,
    status: "finished",
    result: {
      trainLoss: last.trainLoss,
      trainAccuracy: last.trainAccuracy,
      validationLoss: last.validationLoss,
      validationAccuracy: last.validationAccuracy,
      imagesPerSecond: (step * recipe.batchSize) / seconds,
      seconds,
      peakMemoryBytes: peakMemoryBytes(),
      weightsSha256: weightsSha256(files.weights),
    },
  };
  folder.writeRecord(finished);
  return { isFinished, folder: folder.path, record: finished };
}

/**
 * The run's events for TensorBoard, if there are to be any. A run that goes on and has none yet begins with the epochs that
 * are done; one that has some tells TensorBoard which of them will come again.
 */
function openEvents(
  folder: string,
  lines: readonly MetricsLine[],
  { isWanted, from }: { isWanted: boolean; from: TrainingSnapshot | undefined },
) {
  const isGoingOn = from !== undefined && hasEventFile(folder);
  if (!isWanted && !isGoingOn) return undefined;
  const events = createEventFile(folder, { restartStep: isGoingOn ? from.position.step + 1 : undefined });
  if (!isGoingOn) for (const line of lines) events.write(line);
  return events;
}
