import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/node/chain.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { type EvaluationSplit, evaluateRun } from "../evaluation/node/evaluate-run.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import type { RunRecord } from "../runs/run-record.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { DivergedError } from "../training/diverged.ts";
import type { TrainingProgress } from "../training/progress.ts";
import type { TrainingSnapshot } from "../training/train.ts";
import { forecastStudy } from "./forecast.ts";
import { type FinishedRun, type PlannedRun, remainingWork, trainPlanned } from "./planned-run.ts";

/**
 * What happens while many runs are trained and evaluated, in the order in which it happens. Whoever shows it (a terminal, a
 * page, a job queue) needs nothing else; of each run that is taken up exactly one of `finished`, `stopped`, `diverged` and
 * `failed` comes last.
 */
export type ExperimentEvent =
  /** Before the first run. `open` are those of the planned runs that are not trained yet. */
  | {
      readonly kind: "forecast";
      readonly planned: readonly PlannedRun[];
      readonly open: readonly PlannedRun[];
      /** How long the open runs will take. */
      readonly seconds: number;
      /** Whether some of them are partly trained, so that it takes less. */
      readonly isUpperBound: boolean;
    }
  /** Of a sweep by successive halving: the next rung begins. `rung` counts from 1. */
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
  /** An interrupt stopped the run; the same call resumes it. */
  | { readonly kind: "stopped"; readonly run: PlannedRun }
  /** The run diverged and is left out; the next one follows. */
  | { readonly kind: "diverged"; readonly run: PlannedRun; readonly error: DivergedError }
  /** The run ended with an error, which the call then throws. */
  | { readonly kind: "failed"; readonly run: PlannedRun; readonly error: unknown }
  /** A finished run was evaluated. */
  | {
      readonly kind: "evaluated";
      readonly run: FinishedRun;
      readonly split: EvaluationSplit;
      readonly metrics: ClassificationMetrics;
    }
  /** An evaluation could not be written into the run's record, which stops nothing. */
  | { readonly kind: "not-kept"; readonly run: FinishedRun; readonly why: string };

/** What many runs are trained on and with, and who follows it. */
export interface ExperimentOptions {
  readonly data: LoadedData;
  readonly threads: number;
  /** Left out: blocked where the processor has it. */
  readonly lowering?: Lowering["kind"] | undefined;
  readonly runtime: Runtime;
  /** Write events for TensorBoard into the runs' folders. */
  readonly tensorboard?: boolean;
  /** Asked after each step and between runs; once it is true, training stops and what there is, is saved. */
  readonly isInterrupted?: () => boolean;
  /** Called with each event as it happens; an error that it throws ends the call. */
  readonly onEvent?: (event: ExperimentEvent) => void;
}

/** How `trainAll` goes through its runs. */
export interface TrainAllOptions extends ExperimentOptions {
  /** Called once before the first run that is not trained yet, when nothing speaks against training. */
  readonly onBegin?: () => void;
  /** Whether a run that diverges is left out; otherwise the first one ends the call with its error. */
  readonly isDivergedLeftOut?: boolean;
  /** Asked of each run, for the forecast and before it is trained; those that are not worth it (any more) are left out. */
  readonly isWanted?: (run: PlannedRun) => boolean;
}

/**
 * Forecasts how long planned runs will take and trains those that are not trained yet, one after the other.
 *
 * @returns the trained runs in the given order; undefined when it was interrupted: the same call resumes
 * @throws UserError when a folder holds another run than the planned one, or a training is refused or fails
 */
export async function trainAll(
  planned: readonly PlannedRun[],
  {
    isInterrupted = () => false,
    onEvent = () => {},
    onBegin,
    isDivergedLeftOut = false,
    isWanted = () => true,
    ...machine
  }: TrainAllOptions,
): Promise<FinishedRun[] | undefined> {
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
}

/** Undefined where there is nothing planned. */
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
 * Evaluates finished runs on the images of a split, one after the other, and keeps each result in its run's record.
 *
 * @returns the runs in the given order; undefined when it was interrupted
 */
export async function evaluateAll(
  runs: readonly FinishedRun[],
  {
    data,
    threads,
    split,
    isInterrupted = () => false,
    onEvent = () => {},
  }: Pick<ExperimentOptions, "data" | "threads" | "isInterrupted" | "onEvent"> & { readonly split: EvaluationSplit },
): Promise<EvaluatedRun[] | undefined> {
  const evaluated: EvaluatedRun[] = [];
  for (const run of runs) {
    if (isInterrupted()) return undefined;
    const onNotKept = (why: string) => onEvent({ kind: "not-kept", run, why });
    const metrics = await evaluateRun(run.path, { data, split, averageFlips: false, threads, onNotKept });
    onEvent({ kind: "evaluated", run, split, metrics });
    evaluated.push({ ...run, metrics });
  }
  return evaluated;
}
