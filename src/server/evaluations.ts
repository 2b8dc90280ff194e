import type { ImageSet } from "../data/image-set.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { mostConfidentMistakes } from "../evaluation/predictions.ts";
import type { RunEvaluation } from "./api-types.ts";
import { HttpError, sentence } from "./errors.ts";
import { modelStamp, type ServedRun } from "./run-catalog.ts";
import type { DataOfRuns } from "./run-data.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** What the server and the process that evaluates for it say to each other. */

/** A run to evaluate. */
export interface EvaluationTask {
  /** The run's folder. */
  readonly path: string;
  /** The test images of the run's own data. */
  readonly set: ImageSet;
  readonly threads: number;
}

export type FromEvaluator =
  | { readonly kind: "evaluated"; readonly metrics: ClassificationMetrics }
  /** Why the result could not be kept in the run's record. */
  | { readonly kind: "notKept"; readonly why: string }
  /** The run cannot be evaluated. */
  | { readonly kind: "refused"; readonly message: string }
  /** A defect, with its stack. */
  | { readonly kind: "crashed"; readonly message: string };

/** Mistakes that are told. */
const MAX_MISTAKES = 100;

export interface Evaluations {
  /**
   * How the run does on the test images: computed when it is first asked for, one run at a time, in a process of its own,
   * and kept.
   *
   * @throws HttpError 404 when the run has no model yet, 409 when its data are gone or have changed, 503 when it is damaged
   */
  of(run: ServedRun): Promise<RunEvaluation>;
  /** Refuses what still waits for its turn; gives the evaluation under way 10 seconds, then ends it. */
  close(): Promise<void>;
}

export interface EvaluationsOptions {
  readonly dataOfRuns: DataOfRuns;
  readonly threads: number;
  readonly log: (line: string) => void;
  /** Takes this machine's paths out of a message. */
  readonly hidePaths: (message: string) => string;
}

export function createEvaluations({ dataOfRuns, threads, log, hidePaths }: EvaluationsOptions): Evaluations {
  /** By the run's path; the stamp is that of the model they are of. */
  const kept = new Map<string, { readonly stamp: string; readonly result: Promise<RunEvaluation> }>();
  let last: Promise<unknown> = Promise.resolve();
  let worker: WorkerProcess<EvaluationTask> | undefined;
  let isClosed = false;

  const evaluate = async (run: ServedRun): Promise<RunEvaluation> => {
    const { id, path } = run;
    const { test } = await dataOfRuns.of(run);
    const { predictions, ...metrics } = await evaluateApart({ path, set: test, threads }, id);
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
    worker = startWorker<EvaluationTask, FromEvaluator>("evaluation-worker", (message) => {
      if (message.kind === "notKept") log(message.why);
      else answer = message;
    });
    worker.send(task);
    const problem = await worker.ended;
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
