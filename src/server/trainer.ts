import { basename } from "node:path";
import type { DataChoice } from "../data/node/custom-data.ts";
import type { Backbone } from "../formats/backbone.ts";
import type { RecipeAdjustments } from "../recipes/adjust-recipe.ts";
import { defaultRunPath } from "../runs/node/run-status.ts";
import type { DeviceChoice } from "../runtime/webgpu/device.ts";
import type { ProgressAnswer } from "./api-types.ts";
import { HttpError, sentence } from "./errors.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** Messages between the server and its training process. */

/** A run to train. */
export interface TrainingTask {
  readonly recipe: string;
  /** What the recipe `transfer` starts from. */
  readonly backbone?: Backbone | undefined;
  /** Whether the range of its pixels is to be chosen. */
  readonly isRangeSupposed: boolean;
  readonly seed: number;
  /** Batch size and epochs are adapted to the number of images unless given. */
  readonly adjustments: RecipeAdjustments;
  /** Number of training images to use; null: all. */
  readonly limit: number | null;
  /** The run's folder. */
  readonly out: string;
  readonly data: DataChoice;
  readonly threads: number;
  readonly device: DeviceChoice;
}

export type ToWorker = { readonly kind: "train"; readonly task: TrainingTask } | { readonly kind: "stop" };

export type FromWorker =
  /** The run's folder and record exist. */
  | { readonly kind: "started" }
  | { readonly kind: "progress"; readonly progress: ProgressAnswer }
  /** An error that the user can fix, as its message explains. */
  | { readonly kind: "failed"; readonly message: string }
  /** An internal error, with its stack. */
  | { readonly kind: "crashed"; readonly message: string };

/** A requested training. */
export interface TrainingWish
  extends Pick<TrainingTask, "recipe" | "backbone" | "isRangeSupposed" | "seed" | "adjustments" | "limit"> {
  /** Default: the server's. */
  readonly data?: DataChoice | undefined;
}

/** Trains one run at a time, each in a separate process. */
export interface Trainer {
  /**
   * @returns the run's name, once its folder exists
   * @throws HttpError 409 while another one is training, 503 with the reason when it fails to start
   */
  start(wish: TrainingWish): Promise<string>;
  /**
   * Stops it with its state saved, so that it can be resumed; resolves when the process is gone. One that
   * does not stop in 10 seconds is ended as it is.
   *
   * @throws HttpError 404 when no run of this name is being trained here
   */
  stop(id: string): Promise<void>;
  /** Whether this run's training process is alive. */
  isTraining(id: string): boolean;
  progressOf(id: string): ProgressAnswer | undefined;
  /** Why a training started here ended early, without paths; null if it did not, or was stopped. */
  failureOf(id: string): string | null;
  /** @param listener called on progress and at the end of a training @returns a function that removes the listener */
  onProgress(listener: () => void): () => void;
  /** Stops the training, if any. */
  close(): Promise<void>;
}

/** @throws HttpError 403 where training is not allowed */
export function requiredTrainer(trainer: Trainer | null): Trainer {
  if (trainer) return trainer;
  throw new HttpError(403, "training_not_allowed", "This server trains nothing: start it with `allowTraining`.");
}

export interface TrainerOptions {
  /** The folder of all runs. */
  readonly folder: string;
  readonly data: DataChoice;
  readonly threads: number;
  readonly device: DeviceChoice;
  readonly log: (line: string) => void;
  /** Removes this machine's paths from a message. */
  readonly hidePaths: (message: string) => string;
  /** Called when a run was created or has ended. */
  readonly onChange: () => void;
}

interface Training {
  readonly id: string;
  readonly worker: WorkerProcess<ToWorker>;
  progress: ProgressAnswer | undefined;
}

export function createTrainer({ folder, data, threads, device, log, hidePaths, onChange }: TrainerOptions): Trainer {
  const listeners = new Set<() => void>();
  const failures = new Map<string, string>();
  let current: Training | undefined;

  const tell = () => {
    for (const listener of listeners) listener();
  };

  const begin = (task: TrainingTask): { training: Training; started: Promise<void> } => {
    const id = basename(task.out);
    const fail = (reason: string, logged = reason) => {
      log(`training ${id} failed: ${logged}`);
      failures.set(id, sentence(hidePaths(reason)));
    };
    failures.delete(id);
    let start = () => {};
    const hasStarted = new Promise<void>((resolve) => {
      start = resolve;
    });
    const worker = startWorker<ToWorker, FromWorker>("server/training-worker", (message) => {
      switch (message.kind) {
        case "started":
          return start();
        case "progress":
          training.progress = message.progress;
          return tell();
        case "failed":
          return fail(message.message);
        case "crashed":
          return fail("this is a defect of tailor's; the server's log tells more", message.message);
        default:
          message satisfies never;
      }
    });
    const training: Training = { id, worker, progress: undefined };
    const hasEnded = worker.ended.then((problem) => {
      if (problem !== undefined && !failures.has(id)) fail(`its process ${problem}`);
      current = undefined;
      onChange();
      tell();
      throw new HttpError(
        503,
        "training_failed",
        `The training did not begin. ${failures.get(id) ?? "It was stopped."}`,
      );
    });
    worker.send({ kind: "train", task });
    return { training, started: Promise.race([hasStarted, hasEnded]) };
  };

  const end = ({ worker }: Training) => {
    worker.send({ kind: "stop" });
    return worker.end();
  };

  return {
    async start(wish) {
      if (current)
        throw new HttpError(409, "busy", `The run ${current.id} is being trained; stop it, or wait for its end.`);
      const out = defaultRunPath(wish.recipe, new Date(), folder);
      const { training, started } = begin({ ...wish, out, data: wish.data ?? data, threads, device });
      current = training;
      await started;
      onChange();
      return training.id;
    },
    async stop(id) {
      if (current?.id !== id) throw new HttpError(404, "not_training", "No run of this name is being trained here.");
      await end(current);
    },
    isTraining: (id) => current?.id === id,
    failureOf: (id) => failures.get(id) ?? null,
    progressOf: (id) => (current?.id === id ? current.progress : undefined),
    onProgress(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (current) await end(current);
    },
  };
}
