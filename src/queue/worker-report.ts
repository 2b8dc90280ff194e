/** Status of a worker for watchers of the queue, and requests to stop a run: files beside the queue. */
import { z } from "zod";
import { type MetricsLine, metricsLineSchema } from "../runs/metrics.ts";
import type { StoredFiles } from "./store.ts";

/** Milliseconds between two reports of a worker. */
export const REPORT_EVERY_MS = 2000;
/** Beginning of the names of all workers' files. */
export const WORKER_PREFIX = "worker-";

const count = z.int().min(0);

const reportedRunSchema = z.strictObject({
  /** Of its job. */
  id: z.string(),
  /** Recipe and seed, or fold. */
  title: z.string(),
  takenAt: z.iso.datetime(),
  epochs: z.number().positive(),
  step: count,
  /** Null before the first step. */
  steps: count.nullable(),
  /** Of all epochs, those that other workers have trained among them, or of so many that a curve needs; without confusion matrices. */
  metrics: z.array(metricsLineSchema),
});
/** The run that a worker trains. */
export type ReportedRun = z.infer<typeof reportedRunSchema>;

const workerReportSchema = z.strictObject({
  name: z.string(),
  versions: z.strictObject({ tailor: z.string(), commit: z.string().nullable(), onnxruntime: z.string() }),
  startedAt: z.iso.datetime(),
  /** Incremented with each report, as clocks of machines differ: where it stands still, the worker is gone. */
  number: count,
  run: reportedRunSchema.nullable(),
});
/** A worker, as it is in its file. */
export type WorkerReport = z.infer<typeof workerReportSchema>;

/** Undefined where it is of another version of tailor. */
export function parseReport(content: Uint8Array): WorkerReport | undefined {
  try {
    return workerReportSchema.safeParse(JSON.parse(new TextDecoder().decode(content))).data;
  } catch {
    return undefined;
  }
}

/** File that asks the worker that trains a job to stop. */
export function stopName(id: string): string {
  return `stop-${id}`;
}

/** Why a job failed that was stopped so; it is not tried again by itself. */
export const STOPPED_REASON = "stopped on request";

/** Epochs of a report: more would not be seen in a curve, and each report has all of them. */
const MAX_LINES = 250;

/** Lines of metrics as reports have them: without what is large, evenly chosen where there are many, the last one always. */
export function reportedMetrics(metrics: readonly MetricsLine[]): MetricsLine[] {
  const every = Math.ceil(metrics.length / MAX_LINES);
  return metrics
    .filter((_, i) => (metrics.length - 1 - i) % every === 0)
    .map(({ validationConfusion: _, ...line }) => line);
}

/**
 * Reports every two seconds until it is ended, and looks whether the run is to be stopped.
 *
 * @param onStop called with the id of the job, once
 */
export function startReporting(
  files: StoredFiles,
  about: Pick<WorkerReport, "name" | "versions" | "startedAt">,
  onStop: (id: string) => void,
) {
  const file = `${WORKER_PREFIX}${about.name}`;
  let number = 0;
  let run: ReportedRun | null = null;
  let stopped: string | undefined;
  let isOver = false;
  const reportOnce = async () => {
    await files.put(file, new TextEncoder().encode(JSON.stringify({ ...about, number: number++, run })));
    const id = run?.id;
    if (id === undefined || id === stopped || (await files.get(stopName(id))) === null) return;
    // It may have ended meanwhile.
    if (run?.id !== id) return;
    stopped = id;
    onStop(id);
  };
  let last = Promise.resolve();
  let isReporting = false;
  const report = () => {
    // While the store is away nothing is piled up; what was not reported is in the next report.
    if (isReporting || isOver) return;
    isReporting = true;
    last = reportOnce()
      .catch(() => {})
      .finally(() => {
        isReporting = false;
      });
  };
  report();
  // A worker that ends in an error does not wait for it.
  const timer = setInterval(report, REPORT_EVERY_MS).unref();
  return {
    /** What it trains now; null: nothing. */
    show(now: ReportedRun | null): void {
      run = now;
      if (now === null) stopped = undefined;
    },
    async end(): Promise<void> {
      isOver = true;
      clearInterval(timer);
      await last;
      await files.remove(file).catch(() => {});
    },
  };
}
