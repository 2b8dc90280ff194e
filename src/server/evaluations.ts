import type { ImageSet } from "../data/image-set.ts";
import { inRowParts } from "../data/rows.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { mostConfidentMistakes } from "../evaluation/predictions.ts";
import type { DeviceChoice } from "../runtime/webgpu/device.ts";
import type { RunEvaluation } from "./api-types.ts";
import { HttpError, sentence } from "./errors.ts";
import { modelStamp, type ServedRun } from "./run-catalog.ts";
import type { DataOfRuns } from "./run-data.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** Messages between the server and its evaluation process. */

/** A run to evaluate. */
export interface EvaluationTask {
  /** The run's folder. */
  readonly path: string;
  /** The test images of the run's own data. */
  readonly set: ImageSet;
  readonly threads: number;
  readonly device: DeviceChoice;
}

/** A task in parts, as its images may be more than fit into memory: first all else, then the images in their order. */
export type ToEvaluator =
  | { readonly kind: "task"; readonly task: Omit<EvaluationTask, "set"> & { readonly set: Omit<ImageSet, "images"> } }
  | { readonly kind: "images"; readonly start: number; readonly values: Uint8Array };

export type FromEvaluator =
  | { readonly kind: "evaluated"; readonly metrics: ClassificationMetrics }
  /** The result could not be saved in the run's record. */
  | { readonly kind: "notKept"; readonly why: string }
  /** The run cannot be evaluated. */
  | { readonly kind: "refused"; readonly message: string }
  /** An internal error, with its stack. */
  | { readonly kind: "crashed"; readonly message: string };

/** Maximum number of mistakes to return. */
const MAX_MISTAKES = 100;

export interface Evaluations {
  /**
   * Evaluation of the run on its test images: computed on first use, one run at a time, in a separate process, and
   * cached.
   *
   * @throws HttpError 404 when the run has no model yet, 409 when its data is missing or changed, 503 when it is
   *   damaged
   */
  of(run: ServedRun): Promise<RunEvaluation>;
  /** Rejects queued evaluations; gives the running one 10 seconds, then kills it. */
  close(): Promise<void>;
}

export interface EvaluationsOptions {
  readonly dataOfRuns: DataOfRuns;
  readonly threads: number;
  readonly device: DeviceChoice;
  readonly log: (line: string) => void;
  /** Removes this machine's paths from a message. */
  readonly hidePaths: (message: string) => string;
}

export function createEvaluations({ dataOfRuns, threads, device, log, hidePaths }: EvaluationsOptions): Evaluations {
  /** By the run's path; the stamp is that of the evaluated model. */
  const kept = new Map<string, { readonly stamp: string; readonly result: Promise<RunEvaluation> }>();
  let last: Promise<unknown> = Promise.resolve();
  let worker: WorkerProcess<ToEvaluator> | undefined;
  let isClosed = false;

  const evaluate = async (run: ServedRun): Promise<RunEvaluation> => {
    const { id, path } = run;
    const { test } = await dataOfRuns.of(run);
    const { predictions, ...metrics } = await evaluateApart({ path, set: test, threads, device }, id);
    const mistakes = mostConfidentMistakes(predictions, { count: MAX_MISTAKES });
    return {
      run: id,
      classes: test.classNames,
      ...metrics,
      mistakes: mistakes.map(({ predicted, confidence, ...mistake }) => ({
        ...mistake,
        prediction: predicted,
        probability: confidence,
      })),
    };
  };

  const evaluateApart = async (task: EvaluationTask, id: string): Promise<ClassificationMetrics> => {
    if (isClosed) throw new HttpError(503, "unavailable", "The server is ending.");
    let answer: Exclude<FromEvaluator, { kind: "notKept" }> | undefined;
    const process = startWorker<ToEvaluator, FromEvaluator>("server/evaluation-worker", (message) => {
      if (message.kind === "notKept") log(message.why);
      else answer = message;
    });
    worker = process;
    const { images, ...set } = task.set;
    await process.deliver({ kind: "task", task: { ...task, set } });
    for (const { start, values } of inRowParts(images)) {
      if (answer) break;
      await process.deliver({ kind: "images", start, values });
    }
    const problem = await process.ended;
    worker = undefined;
    const refuse = (reason: string) => {
      log(reason);
      return new HttpError(503, "cannot_evaluate", sentence(`the run ${id} cannot be evaluated: ${hidePaths(reason)}`));
    };
    switch (answer?.kind) {
      case "evaluated":
        return answer.metrics;
      case "refused":
        throw refuse(answer.message);
      case "crashed":
        throw new Error(answer.message);
      case undefined:
        throw refuse(`its process ${problem ?? "was stopped"}`);
      default:
        return answer satisfies never;
    }
  };

  return {
    of(run) {
      const stamp = modelStamp(run);
      if (stamp === undefined) throw notEvaluated(run.id);
      const before = kept.get(run.path);
      if (before?.stamp === stamp) return before.result;
      const result = last.then(() => evaluate(run));
      last = result.catch(() => {
        if (kept.get(run.path)?.result === result) kept.delete(run.path);
      });
      kept.set(run.path, { stamp, result });
      return result;
    },
    async close() {
      isClosed = true;
      await worker?.end();
    },
  };
}

function notEvaluated(id: string): HttpError {
  return new HttpError(
    404,
    "not_evaluated",
    `The run ${id} has no model to evaluate: its training is not finished, or it was removed.`,
  );
}
