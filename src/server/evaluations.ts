import { UserError } from "../errors.ts";
import { evaluateRun } from "../evaluation/evaluate-run.ts";
import { mostConfidentMistakes } from "../evaluation/predictions.ts";
import type { RunEvaluation } from "./answers.ts";
import type { DataOfRuns } from "./data-of-runs.ts";
import { HttpError } from "./http-error.ts";
import { modelStamp, type ServedRun } from "./run-catalog.ts";

/** Mistakes that are told. */
const MOST_MISTAKES = 100;

export interface Evaluations {
  /**
   * How the run does on the test images: computed when it is first asked for, one run at a time, and kept.
   *
   * @throws HttpError 404 when the run has no model yet, 409 when its data are gone or have changed, 503 when it is damaged
   */
  of(run: ServedRun): Promise<RunEvaluation>;
}

export interface EvaluationsOptions {
  readonly dataOfRuns: DataOfRuns;
  readonly threads: number;
  readonly log: (line: string) => void;
}

export function createEvaluations({ dataOfRuns, threads, log }: EvaluationsOptions): Evaluations {
  /** By the run's path; the stamp is that of the model they are of. */
  const kept = new Map<string, { readonly stamp: string; readonly result: Promise<RunEvaluation> }>();
  let last: Promise<unknown> = Promise.resolve();

  const evaluate = async (run: ServedRun): Promise<RunEvaluation> => {
    const { id, path } = run;
    const data = await dataOfRuns.of(run);
    try {
      // As `tailor evaluate` does, this keeps the accuracy in the run's record.
      const { predictions, ...metrics } = await evaluateRun(path, {
        data,
        split: "test",
        averageFlips: false,
        threads,
        onNotKept: log,
      });
      const mistakes = mostConfidentMistakes(predictions, { count: MOST_MISTAKES });
      return {
        run: id,
        classes: data.test.classNames,
        ...metrics,
        mistakes: mistakes.map(({ predicted, confidence, ...mistake }) => ({
          ...mistake,
          prediction: predicted,
          probability: confidence,
        })),
      };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log(error.message);
      throw new HttpError(503, "cannot_evaluate", `The run ${id} cannot be evaluated; the server's log tells why.`);
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
  };
}

function notEvaluated(id: string): HttpError {
  return new HttpError(
    404,
    "not_evaluated",
    `The run ${id} has no model to evaluate: its training is not finished, or it was removed.`,
  );
}
