/**
 * A run's events for TensorBoard, in the run's folder. An event file is appended to, as TensorBoard reads
 * incrementally; at worst it ends with an incomplete record, which TensorBoard skips. A resumed run starts a new file.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileStart, scalarEvent } from "../../formats/tensorboard-events.ts";
import type { MetricsLine } from "../metrics.ts";
import { explainFileError } from "./file-errors.ts";
import { listNames } from "./output-folder.ts";

const PREFIX = "events.out.tfevents.";

/** Whether a file name is that of an event file for TensorBoard. */
export function isEventFile(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether the run writes events. */
export function hasEventFile(folder: string): boolean {
  return listNames(folder).some(isEventFile);
}

/** Receives one line per epoch. */
export interface EventFile {
  /** @throws UserError when the system refuses */
  write(line: MetricsLine): void;
}

export interface EventFileOptions {
  /** For a resumed run: its first step; undefined for a new one. */
  readonly restartStep: number | undefined;
  /** Seconds since 1970. Part of the name and of every event. */
  readonly now?: () => number;
}

/**
 * Creates an event file in a run's folder: `events.out.tfevents.<seconds>.<host>`. TensorBoard reads these in the order
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

/** TensorBoard reads files in order of name: a file of the same second must sort after the others. */
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
      ...Object.fromEntries(Object.entries(line.metrics ?? {}).map(([name, value]) => [`metrics/${name}`, value])),
    },
  };
}
