/** The files of a run folder, and reading them. They are written atomically, so this needs no lock. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type PictureSplit, pictureSplitSchema } from "../../data/picture-split.ts";
import { UserError, valueOrUserError } from "../../errors.ts";
import { readModelMetadata } from "../../formats/model-metadata.ts";
import { decodeSafetensors, type Safetensors } from "../../formats/safetensors.ts";
import { type MetricsLine, parseMetrics } from "../metrics.ts";
import { checkJson, parseJson } from "../parse-json.ts";
import { type AnyRunRecord, parseRunRecord, type RunRecord, recordedWeights } from "../run-record.ts";
import { errorCode, explainFileError, isAbsent, whatIsAt } from "./file-errors.ts";

export const RUN_FILES = {
  record: "run.json",
  metrics: "metrics.jsonl",
  /** Everything needed to resume an interrupted run. */
  state: "state.safetensors",
  /** The best epoch's weights so far, for recipes that keep them; removed at the end. */
  best: "best.safetensors",
  /** PyTorch's names and layouts. */
  weights: "weights.safetensors",
  model: "model.onnx",
  /** For data from picture folders: the part of each picture. */
  split: "split.json",
  /** Time breakdown of a step, with `--profile`. */
  profile: "profile.json",
  /** The page about a finished run; its figures are in `plots`. */
  report: "report.html",
} as const;

const LINE_END = "\n".charCodeAt(0);

/**
 * A run as it was found: its record is read once, and whoever works on the run takes it from here. Whoever changes the run
 * reads the record anew under the folder's lock (`run-folder.ts`), and that one decides.
 */
export interface Run<Recorded extends AnyRunRecord = AnyRunRecord> {
  /** Its folder. */
  readonly path: string;
  readonly record: Recorded;
}

/**
 * Opens a run, trained here or imported; one that is open already is returned as it is.
 *
 * @throws UserError when it is missing or not a run folder (exit code 2), or its run.json is damaged
 */
export function openRun(run: string | Run): Run {
  return typeof run === "string" ? { path: run, record: readAnyRunRecord(run) } : run;
}

/**
 * Opens a run that was trained here, to its end or not.
 *
 * @throws UserError as `openRun` does, and (exit code 2) when the run's weights were imported
 */
export function openTrainingRun(run: string | Run): Run<RunRecord> {
  const { path, record } = openRun(run);
  if (record.status !== "imported") return { path, record };
  throw new UserError(
    `${path} holds imported weights: nothing is known of their training, and there is none to go on with; name a run that was trained here`,
    { exitCode: 2 },
  );
}

/**
 * The record of a run that was trained here.
 *
 * @throws UserError as `readAnyRunRecord` does, and (exit code 2) when the run's weights were imported
 */
export function readRunRecord(folder: string): RunRecord {
  return openTrainingRun(folder).record;
}

/**
 * The record of a run, trained here or imported.
 *
 * @throws UserError when `folder` is missing or not a run folder (exit code 2), or its run.json is damaged
 */
export function readAnyRunRecord(folder: string): AnyRunRecord {
  const text = readTextIfThere(folder, RUN_FILES.record);
  if (text === null) throw explainNoRun(folder);
  return parseRunRecord(text, join(folder, RUN_FILES.record));
}

/** @throws UserError when the run has no weights yet */
export function requireTrained({ path, record }: Run): void {
  if (record.status !== "running") return;
  throw new UserError((w) => `${path} is not finished; resume it${w.command("train", { resume: path })}`);
}

/** How a run's metrics are read. */
export interface ReadMetricsOptions {
  /**
   * Whether the run may be trained right now, by whatever program: a last line without its end is then still being written,
   * and left out. tailor itself replaces the file whole.
   */
  readonly isInProgress?: boolean;
}

/**
 * One line per finished epoch so far.
 *
 * @throws UserError when a line is damaged
 */
export function readMetrics(folder: string, { isInProgress = false }: ReadMetricsOptions = {}): MetricsLine[] {
  const bytes = readIfThere(folder, RUN_FILES.metrics);
  if (bytes === null) return [];
  const whole = isInProgress ? bytes.subarray(0, bytes.lastIndexOf(LINE_END) + 1) : bytes;
  const fileName = join(folder, RUN_FILES.metrics);
  return parseMetrics(textOf(whole, fileName), fileName);
}

/**
 * The part of each picture of the run's data.
 *
 * @throws UserError when the file is missing or damaged
 */
export function readSplit(folder: string): PictureSplit {
  const todo = "restore the file from a copy, or train again into another folder";
  const fileName = join(folder, RUN_FILES.split);
  const text = readTextIfThere(folder, RUN_FILES.split);
  if (text === null) throw new UserError(`${fileName} is missing: it tells the run's images; ${todo}`);
  return checkJson(pictureSplitSchema, parseJson(text, fileName, todo), fileName, todo);
}

/** Whether there is a state, damaged or not. */
export function hasState(folder: string): boolean {
  return existsSync(join(folder, RUN_FILES.state));
}

/** @throws UserError when there is no state or it is damaged */
export function readState(folder: string): Safetensors {
  return decodeSafetensors(readRequired(folder, RUN_FILES.state), join(folder, RUN_FILES.state));
}

/**
 * The state from which an interrupted run can be resumed; null when it is missing or damaged.
 *
 * @throws UserError when the system withholds it: it may be whole, so the run must not be started over
 */
export function readStateIfWhole(folder: string): Safetensors | null {
  if (!hasState(folder)) return null;
  try {
    return readState(folder);
  } catch (error) {
    if (error instanceof UserError && errorCode(error.cause) === null) return null;
    throw error;
  }
}

/** @throws UserError when there are no weights of a best epoch, or they are damaged */
export function readBest(folder: string): Safetensors {
  return decodeSafetensors(readRequired(folder, RUN_FILES.best), join(folder, RUN_FILES.best));
}

/** @throws UserError when there are no weights or they are damaged */
export function readWeights(folder: string): Safetensors {
  return decodeSafetensors(readRequired(folder, RUN_FILES.weights), join(folder, RUN_FILES.weights));
}

/**
 * The bytes of the ONNX model.
 *
 * @param run its folder will do: the model of a run whose record is damaged can still be used
 * @throws UserError when there is none, or it holds other weights than the run's record tells of
 */
export function readModel(run: string | Run): Uint8Array {
  const path = typeof run === "string" ? run : run.path;
  const bytes = readRequired(path, RUN_FILES.model);
  const opened = valueOrUserError(() => openRun(run));
  if (!(opened instanceof UserError)) requireOwnModel(opened, bytes);
  return bytes;
}

/** What is evaluated and served must be what was trained: the model names the weights that the record tells of. */
function requireOwnModel({ path, record }: Run, bytes: Uint8Array): void {
  // Whoever opens the model says what is wrong with it.
  const model = valueOrUserError(() => readModelMetadata(bytes, path));
  if (model instanceof UserError || model.weightsSha256 === undefined) return;
  const expected = recordedWeights(record);
  if (expected === undefined || model.weightsSha256 === expected) return;
  throw new UserError(
    `${path}/${RUN_FILES.model} holds other weights than run.json tells of (another checksum); restore the file from a copy, or name the file itself instead of the run`,
  );
}

/**
 * The bytes of an ONNX model: that of a run, or a file of its own.
 *
 * @param path a run folder, or a model file
 * @throws UserError when there is none
 */
export function readModelAt(path: string): { readonly bytes: Uint8Array; readonly fileName: string } {
  if (whatIsAt(path) === "file") {
    const bytes = readIfThere(dirname(path), basename(path));
    if (bytes !== null) return { bytes, fileName: path };
  }
  return { bytes: readModel(path), fileName: join(path, RUN_FILES.model) };
}

function readRequired(folder: string, name: string): Uint8Array {
  const bytes = readIfThere(folder, name);
  if (bytes !== null) return bytes;
  // First reports the more fundamental errors: no folder, not a run.
  const { status } = readAnyRunRecord(folder);
  const why = status === "running" ? "its training has not come so far" : "it was removed";
  const todo = status === "imported" ? "import it again" : "train it with `train`";
  throw new UserError(`${folder} has no ${name}: ${why}; ${todo}, or choose another run`);
}

function readIfThere(folder: string, name: string): Uint8Array | null {
  const path = join(folder, name);
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw explainFileError(error, "read", path);
  }
}

function readTextIfThere(folder: string, name: string): string | null {
  const bytes = readIfThere(folder, name);
  return bytes === null ? null : textOf(bytes, join(folder, name));
}

function textOf(bytes: Uint8Array, fileName: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UserError(`${fileName}: expected UTF-8 text, found other bytes; restore the file from a copy`, { cause });
  }
}

/** Why there is no run.json in `folder`. */
function explainNoRun(folder: string): UserError {
  const problems = {
    nothing: `there is no folder ${folder}`,
    folder: `${folder} is not a run folder: it has no ${RUN_FILES.record}`,
    file: `${folder} is a file; expected a run folder`,
  };
  return new UserError(`${problems[whatIsAt(folder)]}; name the folder of a run`, { exitCode: 2 });
}
