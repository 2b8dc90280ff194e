import { requireOwnData } from "../../data/differing-file.ts";
import { type ImageSet, selectImages } from "../../data/image-set.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import { trainingParts } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { readModelMetadata } from "../../formats/model-metadata.ts";
import { openRun, RUN_FILES, type Run, readModel, requireTrained } from "../../runs/node/run-files.ts";
import { openRunFolder } from "../../runs/node/run-folder.ts";
import { openModel as openOnProcessor } from "../../runtime/node/open-model.ts";
import type { Wording } from "../../wording.ts";
import { evaluate, evaluationBatchSize } from "../evaluate.ts";
import type { ClassificationMetrics } from "../metrics.ts";

/** Splits that a run can be evaluated on. */
export const EVALUATION_SPLITS = ["test", "validation"] as const;
/** One of EVALUATION_SPLITS. */
export type EvaluationSplit = (typeof EVALUATION_SPLITS)[number];

/** Options of the evaluation of a run on a split. */
export interface EvaluateOnOptions {
  readonly split: EvaluationSplit;
  /** Test-time augmentation: averages the logits of each image and its mirror image. */
  readonly averageFlips: boolean;
  readonly threads: number;
  /** Opens the model file. Default: on the processor. */
  readonly openModel?: typeof openOnProcessor | undefined;
  /** Whether the result is saved in the run's record. Default true. */
  readonly isKept?: boolean;
  /** Called with the reason when the result could not be written into the run's record. */
  readonly onNotKept?: (why: string) => void;
}

/** Options of the evaluation of a run. */
export interface EvaluateRunOptions extends EvaluateOnOptions {
  readonly data: LoadedData;
}

/**
 * Evaluates a finished or imported run with its `model.onnx`, the file used for serving, and saves the result in the
 * run's record, unless told otherwise. It is not known whether imported weights were trained on the validation images: the caller must know.
 *
 * @throws UserError when the run is unfinished or damaged, the data is not the run's, or it set no validation images
 *   aside
 */
export async function evaluateRun(
  run: string | Run,
  { data, ...options }: EvaluateRunOptions,
): Promise<ClassificationMetrics> {
  const opened = openRun(run);
  requireTrained(opened);
  return evaluateModel(opened, imagesOfSplit(opened, data, options.split), options);
}

/**
 * Like `evaluateRun`, on images that are known to be this split of the run's data.
 *
 * @throws UserError when the run is unfinished or damaged, or its model takes images of another size
 */
export async function evaluateRunOn(
  run: string | Run,
  set: ImageSet,
  options: EvaluateOnOptions,
): Promise<ClassificationMetrics> {
  const opened = openRun(run);
  requireTrained(opened);
  return evaluateModel(opened, set, options);
}

async function evaluateModel(
  run: Run,
  set: ImageSet,
  { split, averageFlips, threads, openModel = openOnProcessor, isKept = true, onNotKept = () => {} }: EvaluateOnOptions,
): Promise<ClassificationMetrics> {
  const { path, record } = run;
  const fileName = `${path}/${RUN_FILES.model}`;
  const model = readModel(run);
  const session = await openModel(model, fileName, { threads });
  try {
    const { channels, height, width } = session.imageShape;
    if (
      channels !== set.channels ||
      height !== set.height ||
      width !== set.width ||
      session.classes !== set.classNames.length
    ) {
      throw new UserError(
        `${fileName} classifies ${channels}x${height}x${width} images into ${session.classes} classes; the data has ${set.channels}x${set.height}x${set.width} and ${set.classNames.length}`,
      );
    }
    const { classNames, confidence } = readModelMetadata(model, fileName);
    const moved = classNames.find((name, label) => set.classNames.includes(name) && set.classNames[label] !== name);
    if (moved !== undefined) {
      const todo = (w: Wording) =>
        record.status === "imported"
          ? `import the weights again with ${w.option("classNames")} in the order they were trained in`
          : "put the names of the data's classes back in their order";
      throw new UserError(
        (w) =>
          `${fileName} has the classes in another order (${classNames.join(", ")}) than the data (${set.classNames.join(", ")}); ${todo(w)}`,
      );
    }
    const metrics = await evaluate(set, session.logits, {
      batchSize: evaluationBatchSize(set, set.count),
      averageFlips,
      temperature: confidence?.temperature,
    });
    if (isKept) keep(run, averageFlips ? `${split}-tta` : split, metrics, onNotKept);
    return metrics;
  } finally {
    await session.release();
  }
}

/** Saves the result in the run's record. A failure to write is reported, not thrown. */
function keep(
  run: Run,
  name: EvaluationSplit | `${EvaluationSplit}-tta`,
  { accuracy, correct, total, standardError, loss }: ClassificationMetrics,
  onNotKept: (why: string) => void,
): void {
  try {
    const { folder, record } = openRunFolder(run);
    try {
      const result = { accuracy, correct, total, standardError, loss };
      folder.writeRecord({ ...record, evaluations: { ...record.evaluations, [name]: result } });
    } finally {
      folder.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    onNotKept(error.message);
  }
}

/**
 * The images of a split of a run's data.
 *
 * @throws UserError when the data is not the run's, or it set no validation images aside
 */
export function imagesOfSplit({ path, record }: Run, data: LoadedData, split: EvaluationSplit): ImageSet {
  if (record.status !== "imported") requireOwnData(path, data, record.data.files);
  if (split === "test") return data.test;
  const { trainOn, fold } = record.status === "imported" ? { trainOn: "split" as const } : record;
  const { validation } = trainingParts(data.train, { trainOn, limit: null, fold });
  if (!validation) {
    throw new UserError(
      (w) => `${path} trained on all images, so it has no validation split; use ${w.option("split", "test")}`,
      { exitCode: 2 },
    );
  }
  return selectImages(data.train, validation);
}
