/** The files of a run folder, and reading them. They are written atomically, so this needs no lock. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { resumeCommand } from "../../command-text.ts";
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
  /** PyTorch's names and layouts. */
  weights: "weights.safetensors",
  model: "model.onnx",
  /** For data from picture folders: the part of each picture. */
  split: "split.json",
  /** Time breakdown of a step, with `--profile`. */
  profile: "profile.json",
} as const;

/**
 * The record of a run that was trained here.
 *
 * @throws UserError as `readAnyRunRecord` does, and (exit code 2) when the run's weights were imported
 */
export function readRunRecord(folder: string): RunRecord {
  const record = readAnyRunRecord(folder);
  if (record.status !== "imported") return record;
  throw new UserError(
    `${folder} holds imported weights: nothing is known of their training, and there is none to go on with; name a run that was trained here`,
    { exitCode: 2 },
  );
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

/** @throws UserError when the record is of a run without weights yet */
export function requireTrained(
  path: string,
  record: AnyRunRecord,
): asserts record is Exclude<AnyRunRecord, { status: "running" }> {
  if (record.status !== "running") return;
  throw new UserError(`${path} is not finished; go on with: ${resumeCommand(path)}`);
}

/**
 * One line per finished epoch so far.
 *
 * @throws UserError when a line is damaged
 */
export function readMetrics(folder: string): MetricsLine[] {
  const text = readTextIfThere(folder, RUN_FILES.metrics);
  return text === null ? [] : parseMetrics(text, join(folder, RUN_FILES.metrics));
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

/** @throws UserError when there are no weights or they are damaged */
export function readWeights(folder: string): Safetensors {
  return decodeSafetensors(readRequired(folder, RUN_FILES.weights), join(folder, RUN_FILES.weights));
}

/**
 * The bytes of the ONNX model.
 *
 * @throws UserError when there is none, or it holds other weights than the run's record tells of
 */
export function readModel(folder: string): Uint8Array {
  const bytes = readRequired(folder, RUN_FILES.model);
  requireOwnModel(folder, bytes);
  return bytes;
}

/** Checks that the evaluated and served model is the trained one: its weights' checksum must be the record's. */
function requireOwnModel(folder: string, bytes: Uint8Array): void {
  // Errors of the model or the record are reported by the code that reads them.
  const record = valueOrUserError(() => readAnyRunRecord(folder));
  const model = valueOrUserError(() => readModelMetadata(bytes, folder));
  if (record instanceof UserError || model instanceof UserError || model.weightsSha256 === undefined) return;
  const expected = recordedWeights(record);
  if (expected === undefined || model.weightsSha256 === expected) return;
  throw new UserError(
    `${folder}/${RUN_FILES.model} holds other weights than run.json tells of (another checksum); restore the file from a copy, or name the file itself instead of the run`,
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
  try {
    return bytes === null ? null : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const problem = "expected UTF-8 text, found other bytes";
    throw new UserError(`${join(folder, name)}: ${problem}; restore the file from a copy`, { cause });
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
