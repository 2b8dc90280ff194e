/**
 * A run's figures for TensorBoard, beside its other files. An event file is appended to, as TensorBoard reads on where it
 * was; it ends at worst in a part of a record, which TensorBoard passes over. A run that goes on begins a file of its own.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileStart, scalarEvent } from "../../formats/tensorboard-events.ts";
import type { MetricsLine } from "../metrics.ts";
import { explainFileError } from "./file-errors.ts";
import { listNames } from "./output-folder.ts";

const PREFIX = "events.out.tfevents.";

/** Whether a file of this name holds events for TensorBoard. */
export function isEventFile(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether the run was told to write events. */
export function hasEventFile(folder: string): boolean {
  return listNames(folder).some(isEventFile);
}

/** Takes a line an epoch. */
export interface EventFile {
  /** @throws UserError when the system refuses */
  write(line: MetricsLine): void;
}

export interface EventFileOptions {
  /** Of a run that goes on: the first step that comes; undefined for one that begins. */
  readonly restartStep: number | undefined;
  /** Seconds since 1970. Part of the name and of every event. */
  readonly now?: () => number;
}

/**
 * Begins an event file in a run's folder: `events.out.tfevents.<seconds>.<host>`, as TensorBoard finds them, in the order
 * of their names.
 *
 * @throws UserError when the system refuses
 */
export function createEventFile(
  folder: string,
  { restartStep, now = () => Date.now() / 1000 }: EventFileOptions,
): EventFile {
  const path = freePath(folder, Math.floor(now()));
  const guarded = (act: () => void) => {
    try {
      act();
    } catch (error) {
      throw explainFileError(error, "write", path);
    }
  };
  guarded(() => writeFileSync(path, fileStart(now(), restartStep), { flag: "wx" }));
  return {
    write: (line) => guarded(() => appendFileSync(path, scalarEvent(now(), scalarsOf(line)))),
  };
}

/** TensorBoard reads files by name: one of the same second comes after the others. */
function freePath(folder: string, seconds: number): string {
  const path = join(folder, `${PREFIX}${String(seconds).padStart(10, "0")}.${hostname()}`);
  for (let n = 0; ; n++) {
    const candidate = n === 0 ? path : `${path}.${n}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function scalarsOf(line: MetricsLine) {
  const { validationLoss, validationAccuracy } = line;
  return {
    step: line.step,
    scalars: {
      "loss/train": line.trainLoss,
      ...(validationLoss === null ? {} : { "loss/validation": validationLoss }),
      "accuracy/train": line.trainAccuracy,
      ...(validationAccuracy === null ? {} : { "accuracy/validation": validationAccuracy }),
      learning_rate: line.learningRate,
      images_per_second: line.imagesPerSecond,
    },
  };
}
