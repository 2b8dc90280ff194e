/**
 * The files of a run folder, and reading them. They are written atomically, so this needs no lock. Every file is checked as it
 * is read: against its checksum in the record, or in itself where the record cannot have it yet.
 */
import { closeSync, existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type PictureSplit, pictureSplitSchema } from "../../data/picture-split.ts";
import { UserError, valueOrUserError } from "../../errors.ts";
import { readModelMetadata } from "../../formats/model-metadata.ts";
import { decodeSafetensors, type Safetensors } from "../../formats/safetensors.ts";
import type { PixelNormalization } from "../../ops/normalize-pixels.ts";
import { type MetricsLine, parseMetrics } from "../metrics.ts";
import { checkJson, parseJson } from "../parse-json.ts";
import { type AnyRunRecord, parseRunRecord, type RunRecord, recordedWeights } from "../run-record.ts";
import { errorCode, explainFileError, isAbsent, whatIsAt } from "./file-errors.ts";
import { checkSeal, fileSum } from "./hashes.ts";
import { fileStamp, type OpenFile, openRegularFile, readRegularFile } from "./regular-file.ts";

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
  const fileName = join(folder, RUN_FILES.record);
  const bytes = readIfThere(folder, RUN_FILES.record);
  if (bytes === null) throw explainNoRun(folder);
  checkSeal(bytes, "record", fileName);
  return parseRunRecord(textOf(bytes, fileName), fileName);
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
 * @param run its folder, or the run as it was opened
 * @throws UserError when a line is damaged, or the file is not the finished run's any more
 */
export function readMetrics(run: string | Run, { isInProgress = false }: ReadMetricsOptions = {}): MetricsLine[] {
  const bytes = readChecked(run, RUN_FILES.metrics);
  if (bytes === null) return [];
  const whole = isInProgress ? bytes.subarray(0, bytes.lastIndexOf(LINE_END) + 1) : bytes;
  const fileName = join(pathOf(run), RUN_FILES.metrics);
  return parseMetrics(textOf(whole, fileName), fileName);
}

/**
 * The part of each picture of the run's data.
 *
 * @throws UserError when the file is missing or damaged
 */
export function readSplit(run: string | Run): PictureSplit {
  const todo = "restore the file from a copy, or train again into another folder";
  const fileName = join(pathOf(run), RUN_FILES.split);
  const bytes = readChecked(run, RUN_FILES.split);
  const text = bytes && textOf(bytes, fileName);
  if (text === null) throw new UserError(`${fileName} is missing: it tells the run's images; ${todo}`);
  return checkJson(pictureSplitSchema, parseJson(text, fileName, todo), fileName, todo);
}

/** Whether there is a state, damaged or not. */
export function hasState(folder: string): boolean {
  return existsSync(join(folder, RUN_FILES.state));
}

/** @throws UserError when there is no state or it is damaged */
export function readState(folder: string): Safetensors {
  return readSealed(folder, RUN_FILES.state);
}

/**
 * The state from which an interrupted run can be resumed: null when there is none, and for a damaged one the error that says
 * what is wrong with it.
 *
 * @throws UserError when the system withholds it: it may be whole, so the run must not be started over
 */
export function findState(folder: string): Safetensors | UserError | null {
  if (!hasState(folder)) return null;
  const state = valueOrUserError(() => readState(folder));
  if (state instanceof UserError && errorCode(state.cause) !== null) throw state;
  return state;
}

/** The state from which an interrupted run can be resumed; null when it is missing or damaged. @throws UserError as `findState` */
export function readStateIfWhole(folder: string): Safetensors | null {
  const state = findState(folder);
  return state instanceof UserError ? null : state;
}

/** @throws UserError when there are no weights of a best epoch, they are damaged, or a state is in their place */
export function readBest(folder: string): Safetensors {
  const best = readSealed(folder, RUN_FILES.best);
  if (best.metadata.step === undefined) return best;
  throw new UserError(
    `${join(folder, RUN_FILES.best)} is a copy of a state, ${RUN_FILES.state}, not the weights of the best epoch; restore the file from a copy, or start another run`,
  );
}

/** A file that is replaced while the run is trained has its checksum in itself; files of older versions have none. */
function readSealed(folder: string, name: string): Safetensors {
  const bytes = required(readIfThere(folder, name), folder, name);
  checkSeal(bytes, "safetensors", join(folder, name));
  return decodeSafetensors(bytes, join(folder, name));
}

/** @throws UserError when there are no weights or they are damaged */
export function readWeights(run: string | Run): Safetensors {
  const folder = pathOf(run);
  const bytes = required(readChecked(run, RUN_FILES.weights), folder, RUN_FILES.weights);
  return decodeSafetensors(bytes, join(folder, RUN_FILES.weights));
}

/**
 * The bytes of the ONNX model.
 *
 * @param run its folder will do: the model of a run whose record is damaged can still be used
 * @throws UserError when there is none, it is damaged, or it holds other weights than the run's record tells of
 */
export function readModel(run: string | Run): Uint8Array {
  return readRunModel(run).bytes;
}

function readRunModel(run: string | Run): Omit<ModelFile, "fileName"> {
  const path = pathOf(run);
  const opened = valueOrUserError(() => openRun(run));
  const known = opened instanceof UserError ? path : opened;
  const bytes = required(readChecked(known, RUN_FILES.model, requireOwnModel), path, RUN_FILES.model);
  const hasSum = !(opened instanceof UserError) && hasChecksums(opened);
  return { bytes, isVerified: hasSum || checkSeal(bytes, "onnx", join(path, RUN_FILES.model)) };
}

/** The file of a model that was checked, by the run's record. */
const checkedModels = new WeakMap<AnyRunRecord, string>();

/**
 * Opens the ONNX model for reading it in parts. It is checked as a whole before, but only once as long as it stays the same.
 *
 * @returns the open file: whoever calls this closes it
 * @throws UserError as `readModel` does, and when the file is replaced while it is read
 */
export function openModel(run: Run): OpenFile {
  const path = join(run.path, RUN_FILES.model);
  const stamp = fileStamp(path);
  if (stamp === undefined || checkedModels.get(run.record) !== stamp) readModel(run);
  const opened = openRegularFile(path);
  if (opened.stamp === stamp) {
    checkedModels.set(run.record, stamp);
    return opened;
  }
  closeSync(opened.file);
  throw new UserError(`${path} is being replaced; try again in a moment`);
}

/** What is evaluated and served must be what was trained: the model names the weights that the record tells of. */
function requireOwnModel({ path, record }: Run, bytes: Uint8Array): void {
  // Whoever opens the model says what is wrong with it.
  const model = valueOrUserError(() => readModelMetadata(bytes, path));
  if (model instanceof UserError || model.weightsSha256 === undefined) return;
  const expected = recordedWeights(record);
  if (expected !== undefined && model.weightsSha256 !== expected) {
    throw new UserError(
      `${path}/${RUN_FILES.model} holds other weights than run.json tells of (another checksum); restore the file from a copy, or name the file itself instead of the run`,
    );
  }
  requireOwnNormalization({ path, record }, RUN_FILES.model, model.normalization);
}

/**
 * Images are normalised as the network was trained, so the record and the files must agree.
 *
 * @param stated by the file `name`; undefined in files of older versions
 * @throws UserError when the record has another normalisation
 */
export function requireOwnNormalization(
  { path, record }: Run,
  name: string,
  stated: PixelNormalization | undefined,
): void {
  const recorded = record.status === "imported" ? undefined : record.data.normalization;
  if (!stated || !recorded) return;
  for (const field of ["mean", "standardDeviation"] as const) {
    const [own, other] = [JSON.stringify(recorded[field]), JSON.stringify(stated[field])];
    if (own === other) continue;
    throw new UserError(
      `${path}/${RUN_FILES.record}: field "data.normalization.${field}": ${own} contradicts ${other} in ${name}; restore both files from a copy, or train again into another folder`,
    );
  }
}

/** An ONNX model that was read. */
export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  /** Whether a checksum confirms it; there is none in files of older versions and of other programs. */
  readonly isVerified: boolean;
}

/**
 * The bytes of an ONNX model: that of a run, or a file of its own.
 *
 * @param path a run folder, or a model file
 * @throws UserError when there is none, or it does not match its checksum
 */
export function readModelAt(path: string): ModelFile {
  if (whatIsAt(path) === "file") {
    const bytes = readIfThere(dirname(path), basename(path));
    if (bytes !== null) return { bytes, fileName: path, isVerified: checkSeal(bytes, "onnx", path) };
  }
  return { ...readRunModel(path), fileName: join(path, RUN_FILES.model) };
}

/** What a note says of files without checksums. */
export const UNVERIFIED =
  "an older version or another program wrote it without a checksum, so damage would go unnoticed";

/**
 * Checks all files of a run against its record, and the state, which has its checksum in itself.
 *
 * @throws UserError when one is missing or damaged
 */
export function checkRunFiles(run: Run): void {
  // These two are what all results depend on; older records may leave one out.
  readWeights(run);
  readModel(run);
  for (const { name } of run.record.files ?? []) {
    if (name !== RUN_FILES.weights && name !== RUN_FILES.model) required(readChecked(run, name), run.path, name);
  }
  if (hasState(run.path)) readState(run.path);
}

/** Whether a run's files have checksums; runs of older versions have none, so that damage goes unnoticed. */
export function hasChecksums({ record }: Run): boolean {
  return record.files !== undefined;
}

/** Files that were found to match their record, by the record: a server reads the same ones again and again. */
const checked = new WeakMap<AnyRunRecord, Map<string, string>>();

/**
 * A file of a run, or null where it has none.
 *
 * @param run its folder will do; where its record is damaged, the file cannot be checked
 * @param check finds what is wrong more precisely than a checksum does
 * @throws UserError when it is missing or another one than the record tells of
 */
function readChecked(
  run: string | Run,
  name: string,
  check: (run: Run, bytes: Uint8Array) => void = () => {},
): Uint8Array | null {
  const path = pathOf(run);
  const opened = valueOrUserError(() => openRun(run));
  if (opened instanceof UserError) return readIfThere(path, name);
  const { record } = opened;
  const stamp = fileStamp(join(path, name));
  const bytes = readIfThere(path, name);
  if (bytes === null) return null;
  const known = checked.get(record) ?? new Map<string, string>();
  if (stamp !== undefined && known.get(name) === stamp) return bytes;
  check(opened, bytes);
  const expected = record.files?.find((file) => file.name === name);
  if (expected === undefined) return bytes;
  const found = fileSum(name, bytes);
  if (found.bytes !== expected.bytes || found.sha256 !== expected.sha256) {
    const problem =
      found.bytes === expected.bytes
        ? `its SHA-256 is ${found.sha256}, run.json says ${expected.sha256}`
        : `it has ${found.bytes} bytes, run.json says ${expected.bytes}`;
    throw new UserError(
      `${join(path, name)} is damaged: ${problem}; restore the file from a copy, or train or import again into another folder`,
    );
  }
  if (stamp !== undefined) checked.set(record, known.set(name, stamp));
  return bytes;
}

function pathOf(run: string | Run): string {
  return typeof run === "string" ? run : run.path;
}

/** @throws UserError when the file is not there */
function required(bytes: Uint8Array | null, folder: string, name: string): Uint8Array {
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
    return readRegularFile(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw explainFileError(error, "read", path);
  }
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
