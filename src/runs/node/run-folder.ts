/**
 * A run is a folder (its files: `RUN_FILES`). A writer holds its lock while the folder is open; every file is replaced
 * atomically, so that a kill at any moment leaves the last complete state.
 */
import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type PictureSplit, splitToText } from "../../data/picture-split.ts";
import { UserError } from "../../errors.ts";
import type { NamedTensor, Safetensors } from "../../formats/safetensors.ts";
import type { Words } from "../../wording.ts";
import { formatMetrics, type MetricsLine } from "../metrics.ts";
import type { AnyRunRecord, RunRecord } from "../run-record.ts";
import { isEventFile } from "./event-file.ts";
import { explainFileError, refused, whatIsAt } from "./file-errors.ts";
import { type FileSum, fileSum, sealedRecord, sealedSafetensors } from "./hashes.ts";
import { listNames, makeFolder } from "./output-folder.ts";
import {
  findState,
  openRun,
  openTrainingRun,
  RUN_FILES,
  type Run,
  readAnyRunRecord,
  readRunRecord,
  readStateIfWhole,
} from "./run-files.ts";
import { acquireLock, isLock } from "./run-lock.ts";
import { findRun } from "./run-status.ts";
import { isTemporary, removeTemporaries, writeWholeFile } from "./whole-file.ts";

/**
 * A run folder open for writing, by this process alone until `close`. Writing throws UserError when the disk refuses.
 */
export class RunFolder {
  readonly path: string;
  readonly #release: () => void;
  readonly #isNew: boolean;
  readonly #sums = new Map<string, FileSum>();
  #open = true;

  /** Takes the lock; use `createRunFolder`, `openRunFolder` or `resumeRunFolder`. */
  constructor(path: string, isNew: boolean) {
    this.path = path;
    this.#isNew = isNew;
    try {
      this.#release = acquireLock(path);
    } catch (error) {
      this.#removeIfNew();
      throw error;
    }
  }

  /** Checksums of the metrics, split, weights and model as they were written here, for the record. */
  get files(): FileSum[] {
    return [...this.#sums.values()];
  }

  writeRecord(record: AnyRunRecord): void {
    this.#write(RUN_FILES.record, sealedRecord(record));
  }

  /** @param lines all lines from the first epoch on, as the whole file is replaced */
  writeMetrics(lines: readonly MetricsLine[]): void {
    this.#writeSummed(RUN_FILES.metrics, formatMetrics(lines));
  }

  /** @param metadata what is not a tensor, as text: step, epoch, seconds, ... */
  writeState(tensors: readonly NamedTensor[], metadata: Record<string, string>): void {
    this.#writeSealed(RUN_FILES.state, tensors, metadata);
  }

  /** @param metadata as of the state */
  writeBest(tensors: readonly NamedTensor[], metadata: Record<string, string>): void {
    this.#writeSealed(RUN_FILES.best, tensors, metadata);
  }

  /** The best epoch's weights are then the run's. */
  removeBest(): void {
    const path = join(this.path, RUN_FILES.best);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw explainFileError(error, "remove", path);
    }
  }

  writeWeights(tensors: readonly NamedTensor[], metadata: Record<string, string> = {}): void {
    this.#writeSummed(RUN_FILES.weights, sealedSafetensors(tensors, metadata));
  }

  writeModel(onnx: Uint8Array): void {
    this.#writeSummed(RUN_FILES.model, onnx);
  }

  writeSplit(split: PictureSplit): void {
    this.#writeSummed(RUN_FILES.split, splitToText(split));
  }

  writeProfile(profile: object): void {
    this.#write(RUN_FILES.profile, `${JSON.stringify(profile, null, 2)}\n`);
  }

  /** Releases the lock. A new folder in which nothing was written is removed. Closing twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
    this.#removeIfNew();
  }

  #removeIfNew(): void {
    try {
      if (this.#isNew) rmdirSync(this.path);
    } catch {
      // It is not empty, as it should be: there is a run in it.
    }
  }

  #writeSummed(name: string, content: Uint8Array | string): void {
    this.#write(name, content);
    this.#sums.set(name, fileSum(name, content));
  }

  #writeSealed(name: string, tensors: readonly NamedTensor[], metadata: Record<string, string>): void {
    this.#write(name, sealedSafetensors(tensors, metadata));
  }

  #write(name: string, content: Uint8Array | string): void {
    if (!this.#open) throw new Error(`run folder ${this.path} is closed: cannot write ${name}`);
    writeWholeFile(join(this.path, name), content);
  }
}

const OTHER_FOLDER: Words = (w) => `choose another folder with ${w.option("out")}, or remove this one`;

/**
 * Creates the folder of a new run, including parent folders. An unfinished run without a readable state is started
 * over, and so is an interrupted import: its files are removed except for the record, which must be replaced next.
 *
 * @throws UserError with exit code 2 when `path` is a file, a folder with something else in it, a finished or imported
 *   run or one to resume; with 1 when a run there is damaged or being written, or the system refuses
 */
export function createRunFolder(path: string): RunFolder {
  const isNew = makeFolder(path);
  if (holdsSomethingElse(path)) {
    throw refused(
      `${path} is not empty and not a run folder`,
      (w) => `choose a new or empty folder with ${w.option("out")}`,
    );
  }
  return withLock(path, isNew, (folder) => {
    const run = findRun(path);
    if (run instanceof UserError) throw run;
    const status = run?.record.status;
    if (status === "finished") {
      throw refused(`${path} holds a finished run`, OTHER_FOLDER);
    }
    if (status === "imported" && hasWeightsAndModel(path)) {
      throw refused(`${path} holds imported weights`, OTHER_FOLDER);
    }
    if (status === "running" && readStateIfWhole(path) !== null) {
      throw refused(
        `${path} holds an unfinished run`,
        (w) => `choose another folder with ${w.option("out")}, or resume it${w.command("train", { resume: path })}`,
      );
    }
    removeAllButRecord(path);
    return folder;
  });
}

/**
 * Opens the folder of an existing run, finished or not, trained here or imported, to write to it (evaluations).
 *
 * @returns the record as it is under the lock
 * @throws UserError when it is missing, not a run folder, damaged or being written
 */
export function openRunFolder(run: string | Run): { folder: RunFolder; record: AnyRunRecord } {
  const { path } = openRun(run); // Nothing, a lock included, is written to a folder that is no run.
  return withLock(path, false, (folder) => ({ folder, record: readAnyRunRecord(path) }));
}

/**
 * Opens an interrupted run to resume it from its last state.
 *
 * @returns record and state as they are under the lock
 * @throws UserError as `openRunFolder` does, and (exit code 2) when the run is finished or has no readable state
 */
export function resumeRunFolder(run: string | Run): { folder: RunFolder; record: RunRecord; state: Safetensors } {
  const { path } = openTrainingRun(run);
  return withLock(path, false, (folder) => {
    const record = readRunRecord(path);
    if (record.status === "finished") {
      throw refused(
        `${path} holds a finished run: there is nothing to resume`,
        (w) => `start a new run with ${w.option("out")}`,
      );
    }
    const state = findState(path);
    if (state === null || state instanceof UserError) {
      throw refused(
        `${path} has no ${RUN_FILES.state} that can be read${state === null ? "" : ` (${state.message})`}`,
        (w) => `start the run over with ${w.option("out", path)}`,
      );
    }
    return { folder, record, state };
  });
}

/** Opens the folder, cleans up after killed writers and calls `goOn`; releases the lock when that fails. */
function withLock<T>(path: string, isNew: boolean, goOn: (folder: RunFolder) => T): T {
  const folder = new RunFolder(path, isNew);
  try {
    removeTemporaries(path);
    return goOn(folder);
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** Whether the folder has contents other than a run or the remains of one killed before its first record. */
function holdsSomethingElse(path: string): boolean {
  const names = listNames(path);
  const isOurs = (name: string) => isLock(name) || isTemporary(name);
  return !names.includes(RUN_FILES.record) && !names.every(isOurs);
}

/** An import writes its record first: an interrupted one lacks files, and is repeated. */
function hasWeightsAndModel(path: string): boolean {
  return [RUN_FILES.weights, RUN_FILES.model].every((name) => whatIsAt(join(path, name)) !== "nothing");
}

/** Keeps the record: without it, if this process were killed now, the folder would not be recognized as a run. */
function removeAllButRecord(path: string): void {
  const { record: _, ...others } = RUN_FILES;
  try {
    for (const name of [...Object.values(others), ...listNames(path).filter(isEventFile)]) {
      rmSync(join(path, name), { force: true });
    }
  } catch (error) {
    throw explainFileError(error, "start over in", path);
  }
}
