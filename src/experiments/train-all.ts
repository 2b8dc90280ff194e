import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/node/chain.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { type EvaluateOnOptions, type EvaluationSplit, evaluateRun } from "../evaluation/node/evaluate-run.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import type { RunRecord } from "../runs/run-record.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { DivergedError } from "../training/diverged.ts";
import type { TrainingProgress } from "../training/progress.ts";
import type { TrainingSnapshot } from "../training/train.ts";
import { forecastStudy } from "./forecast.ts";
import { type FinishedRun, type PlannedRun, remainingWork, trainPlanned } from "./planned-run.ts";

/**
 * Events of the training and evaluation of many runs, in order. They are sufficient for any display (a terminal, a
 * page, a job queue). The last event of each run is exactly one of `finished`, `stopped`, `diverged` and `failed`.
 */
export type ExperimentEvent =
  /** Before the first run. `open` are the planned runs that are not trained yet. */
  | {
      readonly kind: "forecast";
      readonly planned: readonly PlannedRun[];
      readonly open: readonly PlannedRun[];
      /** Estimated duration of the open runs; null where others train them. */
      readonly seconds: number | null;
      /** Whether some of them are partly trained, so that it will take less. */
      readonly isUpperBound: boolean;
    }
  /** In a sweep with successive halving: the next rung begins. `rung` counts from 1. */
  | {
      readonly kind: "rung";
      readonly rung: number;
      readonly rungs: number;
      readonly candidates: number;
      readonly epochs: number;
    }
  /** Training of a run begins, or is resumed at the snapshot `from`. */
  | {
      readonly kind: "started";
      readonly run: PlannedRun;
      readonly record: RunRecord;
      readonly from: TrainingSnapshot | undefined;
    }
  /** After each training step. */
  | { readonly kind: "step"; readonly run: PlannedRun; readonly progress: TrainingProgress }
  /** After each epoch, with its line of `metrics.jsonl`. */
  | { readonly kind: "epoch"; readonly run: PlannedRun; readonly line: MetricsLine }
  /** The run is trained: now, or by an earlier call, in which case it was never `started`. */
  | { readonly kind: "finished"; readonly run: FinishedRun }
  /** The run was interrupted; the same call resumes it. */
  | { readonly kind: "stopped"; readonly run: PlannedRun }
  /** The run diverged and is skipped. */
  | { readonly kind: "diverged"; readonly run: PlannedRun; readonly error: DivergedError }
  /** The run failed with an error, which the call then throws. */
  | { readonly kind: "failed"; readonly run: PlannedRun; readonly error: unknown }
  /** A finished run was evaluated. */
  | {
      readonly kind: "evaluated";
      readonly run: FinishedRun;
      readonly split: EvaluationSplit;
      readonly metrics: ClassificationMetrics;
    }
  /** An evaluation could not be saved in the run's record; the experiment continues. */
  | { readonly kind: "not-kept"; readonly run: FinishedRun; readonly why: string }
  /** The runs that are not trained yet are in a queue (`place`), at which there are so many workers. */
  | { readonly kind: "queued"; readonly runs: number; readonly workers: number; readonly place: string }
  /** A worker of the queue trains a run, after the epochs that another one has done; the note says why it starts anew. */
  | {
      readonly kind: "taken";
      readonly run: PlannedRun;
      readonly worker: string;
      readonly epochsDone: number;
      readonly note?: string | undefined;
    }
  /** How far a worker of the queue is with a run. */
  | {
      readonly kind: "remote-step";
      readonly run: PlannedRun;
      readonly worker: string;
      readonly step: number;
      readonly steps: number;
    }
  /** Interrupted: so many runs stay in the queue, where workers go on with them. */
  | { readonly kind: "left-queued"; readonly runs: number; readonly place: string }
  /** One shard's runs are trained; the experiment cannot be completed before the `open` ones of the others are here too. */
  | {
      readonly kind: "shard-trained";
      readonly shard: Shard;
      readonly own: readonly PlannedRun[];
      readonly open: readonly PlannedRun[];
    };

/** One of several equal shares of an experiment's runs: the first of two is `{ number: 1, of: 2 }`. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}

/**
 * Trains the open ones of planned runs, reports the events, and returns as `trainAll` does. Experiments do not know where
 * their runs are trained: here one after the other (the default), or elsewhere.
 */
export type TrainRuns = (
  planned: readonly PlannedRun[],
  options: Omit<TrainAllOptions, "trainRuns">,
) => Promise<FinishedRun[] | undefined>;

/** Common options of experiments. */
export interface ExperimentOptions {
  readonly data: LoadedData;
  readonly threads: number;
  /** Default: blocked where the processor supports it. */
  readonly lowering?: Lowering["kind"] | undefined;
  readonly runtime: Runtime;
  /** Opens a model file to evaluate it. Default: on the processor. */
  readonly openModel?: EvaluateOnOptions["openModel"];
  /** Write events for TensorBoard into the runs' folders. */
  readonly tensorboard?: boolean;
  /** Called after each step and between runs; once it is true, training stops and its state is saved. */
  readonly isInterrupted?: () => boolean;
  /** Called with each event; an error that it throws ends the call. */
  readonly onEvent?: (event: ExperimentEvent) => void;
  /** How the runs are trained. Default: in this process, one after the other. */
  readonly trainRuns?: TrainRuns | undefined;
}

/** Options of `trainAll`. */
export interface TrainAllOptions extends ExperimentOptions {
  /** Called once before the first run is trained, after all checks. */
  readonly onBegin?: () => void;
  /** Whether diverged runs are skipped; otherwise the first one ends the call with its error. */
  readonly isDivergedLeftOut?: boolean;
  /** Called for each run, for the forecast and before it is trained: false skips the run. */
  readonly isWanted?: (run: PlannedRun) => boolean;
}

/**
 * Trains the planned runs that are not trained yet, as `trainRuns` does it.
 *
 * @returns the trained runs in the given order; undefined when it was interrupted, or some are trained elsewhere: the same
 *   call resumes
 * @throws UserError when a folder contains a different run, or a training is refused or fails
 */
export function trainAll(
  planned: readonly PlannedRun[],
  { trainRuns = trainHere, ...options }: TrainAllOptions,
): Promise<FinishedRun[] | undefined> {
  return trainRuns(planned, options);
}

/** Estimates the duration of planned runs and trains those that are not trained yet in this process, one after the other. */
const trainHere: TrainRuns = async (
  planned,
  {
    isInterrupted = () => false,
    onEvent = () => {},
    onBegin,
    isDivergedLeftOut = false,
    isWanted = () => true,
    ...machine
  },
) => {
  const forecast = await forecastOf(planned.filter(isWanted), machine);
  if (forecast) onEvent(forecast);
  if (isInterrupted()) return undefined;
  if (forecast && forecast.open.length > 0) onBegin?.();
  const runs: FinishedRun[] = [];
  for (const run of planned) {
    if (isInterrupted()) return undefined;
    if (!isWanted(run)) continue;
    let trained: FinishedRun | undefined;
    try {
      trained = await trainPlanned(run, {
        ...machine,
        hooks: {
          onStep: (progress) => onEvent({ kind: "step", run, progress }),
          onEpoch: (line) => onEvent({ kind: "epoch", run, line }),
          isStopRequested: isInterrupted,
        },
        onStart: (_, record, from) => onEvent({ kind: "started", run, record, from }),
      });
    } catch (error) {
      if (!isDivergedLeftOut || !(error instanceof DivergedError)) {
        onEvent({ kind: "failed", run, error });
        throw error;
      }
      onEvent({ kind: "diverged", run, error });
      continue;
    }
    onEvent(trained ? { kind: "finished", run: trained } : { kind: "stopped", run });
    if (!trained) return undefined;
    runs.push(trained);
  }
  return runs;
};

/**
 * Trains one shard of the runs: of n shards, number i has every n-th run from the i-th on, whatever is trained already. Where
 * the other runs are in their folders too, the experiment goes on; else it ends with the event `shard-trained`.
 */
export function trainShard(shard: Shard): TrainRuns {
  return async (planned, { isWanted = () => true, onEvent = () => {}, ...options }) => {
    const own = new Set(planned.filter((_, i) => i % shard.of === shard.number - 1));
    const trained = await trainHere(planned, {
      ...options,
      onEvent,
      isWanted: (run) => own.has(run) && isWanted(run),
    });
    if (!trained) return undefined;
    const works = planned.filter(isWanted).map((run) => ({ run, work: remainingWork(run, options) }));
    const open = works.filter(({ work }) => work.todo !== "nothing").map(({ run }) => run);
    if (open.length === 0) {
      return works.flatMap(({ run, work }) => (work.todo === "nothing" ? [{ ...run, record: work.record }] : []));
    }
    // The folder is merged even if there are fewer runs than shards.
    if (own.size === 0) options.onBegin?.();
    onEvent({ kind: "shard-trained", shard, own: trained, open });
    return undefined;
  };
}

/** Undefined if nothing is planned. */
async function forecastOf(
  planned: readonly PlannedRun[],
  machine: Pick<ExperimentOptions, "data" | "threads" | "lowering" | "runtime">,
): Promise<Extract<ExperimentEvent, { kind: "forecast" }> | undefined> {
  if (planned.length === 0) return undefined;
  const work = planned.map((run) => remainingWork(run, machine).todo);
  const open = planned.filter((_, i) => work[i] !== "nothing");
  const seconds = open.length === 0 ? 0 : await forecastStudy(open, machine);
  return { kind: "forecast", planned, open, seconds, isUpperBound: work.includes("resume") };
}

/** A finished run, evaluated. */
export interface EvaluatedRun extends FinishedRun {
  readonly metrics: ClassificationMetrics;
}

/**
 * Evaluates finished runs on the images of a split, one after the other, and saves each result in its run's record.
 *
 * @returns the runs in the given order; undefined when it was interrupted
 */
export async function evaluateAll(
  runs: readonly FinishedRun[],
  {
    data,
    threads,
    openModel,
    split,
    isInterrupted = () => false,
    onEvent = () => {},
  }: Pick<ExperimentOptions, "data" | "threads" | "openModel" | "isInterrupted" | "onEvent"> & {
    readonly split: EvaluationSplit;
  },
): Promise<EvaluatedRun[] | undefined> {
  const evaluated: EvaluatedRun[] = [];
  for (const run of runs) {
    if (isInterrupted()) return undefined;
    const onNotKept = (why: string) => onEvent({ kind: "not-kept", run, why });
    const metrics = await evaluateRun(run.path, { data, split, averageFlips: false, threads, openModel, onNotKept });
    onEvent({ kind: "evaluated", run, split, metrics });
    evaluated.push({ ...run, metrics });
  }
  return evaluated;
}
