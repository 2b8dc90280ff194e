import type progress from "cli-progress";
import type { PlannedRun } from "../experiments/planned-run.ts";
import type { ExperimentEvent } from "../experiments/train-all.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { counted } from "../text.ts";
import { liveLine } from "./live-line.ts";
import type { Output } from "./output.ts";
import { epochLine } from "./training-display.ts";
import { TAILOR } from "./wording.ts";

/** Events of runs that workers of a queue train, several at once. */
type QueueEvent = Extract<ExperimentEvent, { kind: "queued" | "taken" | "remote-step" | "left-queued" }>;

/** Displays runs that workers train: a line for each epoch of each run, and on a terminal how far all are. */
export function queueDisplay(output: Output) {
  let bar: progress.SingleBar | undefined;
  let [total, ended] = [0, 0];
  /** The runs in training, by their folders. */
  const shares = new Map<string, string>();

  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  const draw = () => {
    if (!output.isInteractive || total === 0) return;
    const fields = { runs: [...shares].map(([path, share]) => `${path} ${share}`).join(", ") };
    if (!bar) {
      bar = liveLine<typeof fields>(({ bar, value, total }, { runs }) => [
        { text: `${value}/${total} runs `, rank: 0 },
        { text: bar, rank: 1 },
        { text: ` ${runs}`, rank: 2 },
      ]);
      bar.start(total, ended, fields);
    }
    bar.update(ended, fields);
  };
  const note = (line: string) => {
    clear();
    output.note(line);
    draw();
  };

  return {
    show(event: QueueEvent) {
      switch (event.kind) {
        case "queued":
          total = event.runs;
          return note(
            `${counted(event.runs, "run")} in the queue at ${event.place}, ${event.workers === 0 ? `and no worker; start some with ${TAILOR} worker` : counted(event.workers, "worker")}`,
          );
        case "taken": {
          const { run, worker, epochsDone, note: why } = event;
          shares.set(run.path, "0 %");
          const from = epochsDone > 0 ? ` goes on after ${counted(epochsDone, "epoch")}` : " started";
          return note(`${run.path}:${from} on ${worker}${why === undefined ? "" : `, anew: ${why}`}`);
        }
        case "remote-step":
          shares.set(event.run.path, `${Math.floor((100 * event.step) / event.steps)} %`);
          return draw();
        case "left-queued":
          return note(`${counted(event.runs, "run")} stay in the queue at ${event.place}, and workers go on with them`);
        default:
          return event satisfies never;
      }
    },
    /** @returns whether workers train the runs */
    epoch({ path, recipe }: PlannedRun, line: MetricsLine): boolean {
      if (total === 0) return false;
      note(`${path}: ${epochLine(line, recipe.epochs)}`);
      return true;
    },
    /** A run has ended, whatever way. */
    ended({ path }: PlannedRun): void {
      shares.delete(path);
      if (total === 0) return;
      ended++;
      clear();
      if (ended < total) draw();
    },
  };
}
