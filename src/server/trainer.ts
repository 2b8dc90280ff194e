import { type ChildProcess, fork } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { DataChoice } from "../data/sources/load-data.ts";
import { defaultRunPath } from "../runs/run-status.ts";
import type { ProgressAnswer } from "./answers.ts";
import { HttpError } from "./http-error.ts";
import type { FromWorker, ToWorker, TrainingTask } from "./training-messages.ts";

/** Built, wherever this file itself runs from: Node 20 runs no TypeScript. */
const WORKER = fileURLToPath(new URL("../../dist/server/training-worker.js", import.meta.url));
/** A worker that was told to stop saves its state first; then it is given no more time. */
const STOP_GRACE_MS = 10_000;

/** What is to be trained. */
export type TrainingWish = Pick<TrainingTask, "recipe" | "seed" | "epochs" | "limit">;

/** Trains one run at a time, each in a process of its own. */
export interface Trainer {
  /**
   * @returns the run's name, once its folder is there
   * @throws HttpError 409 while another one is trained, 503 when the worker fails before it begins
   */
  start(wish: TrainingWish): Promise<string>;
  /**
   * Stops it with its state saved, so that `tailor train --resume` can go on; resolves when the process is gone.
   *
   * @throws HttpError 404 when no run of this name is being trained here
   */
  stop(id: string): Promise<void>;
  progressOf(id: string): ProgressAnswer | undefined;
  /** @param listener called when a training is further, or over @returns takes the listener away */
  onProgress(listener: () => void): () => void;
  /** Stops whatever is trained. */
  close(): Promise<void>;
}

export interface TrainerOptions {
  /** The folder of all runs. */
  readonly folder: string;
  readonly data: DataChoice;
  readonly threads: number;
  readonly log: (line: string) => void;
  /** Called when a run has come or has ended. */
  readonly onChange: () => void;
}

interface Training {
  readonly id: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  progress: ProgressAnswer | undefined;
}

export function createTrainer({ folder, data, threads, log, onChange }: TrainerOptions): Trainer {
  const listeners = new Set<() => void>();
  let current: Training | undefined;

  const tell = () => {
    for (const listener of listeners) listener();
  };

  const begin = (task: TrainingTask): { training: Training; started: Promise<void> } => {
    const id = basename(task.out);
    const child = fork(WORKER, { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
    const ended = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", (error) => {
        log(`training ${id} could not be started: ${error.message}`);
        resolve();
      });
    });
    const training: Training = { id, child, ended, progress: undefined };
    const started = new Promise<void>((resolve, reject) => {
      child.on("message", (message: FromWorker) => {
        switch (message.kind) {
          case "started":
            return resolve();
          case "progress":
            training.progress = message.progress;
            return tell();
          case "failed":
            return log(`training ${id} failed: ${message.message}`);
          default:
            message satisfies never;
        }
      });
      ended.then(() => {
        current = undefined;
        onChange();
        tell();
        reject(new HttpError(503, "training_failed", "The training did not begin; the server's log tells why."));
      });
    });
    send(child, { kind: "train", task });
    return { training, started };
  };

  const end = async ({ child, ended }: Training) => {
    send(child, { kind: "stop" });
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    await ended;
    clearTimeout(killer);
  };

  return {
    async start(wish) {
      if (current)
        throw new HttpError(409, "busy", `The run ${current.id} is being trained; stop it, or wait for its end.`);
      const out = defaultRunPath(wish.recipe, new Date(), folder);
      const { training, started } = begin({ ...wish, out, data, threads });
      current = training;
      await started;
      onChange();
      return training.id;
    },
    async stop(id) {
      if (current?.id !== id) throw new HttpError(404, "not_training", "No run of this name is being trained here.");
      await end(current);
    },
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

/** A worker that has ended already wants to hear nothing. */
function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {});
}
