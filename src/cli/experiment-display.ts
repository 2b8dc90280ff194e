import type { PlannedRun } from "../experiments/planned-run.ts";
import type { ExperimentEvent, ExperimentOptions } from "../experiments/train-all.ts";
import { accuracyLine } from "../report/wording.ts";
import type { Device } from "../runtime/webgpu/device.ts";
import { CPU_DEVICE } from "../runtime/webgpu/node/device.ts";
import { counted, duration } from "../text.ts";
import { whileInterruptible } from "./interrupt.ts";
import { type Output, sayNotKept } from "./output.ts";
import { queueDisplay } from "./queue-display.ts";
import { startLine, trainingDisplay } from "./training-display.ts";
import { IN_FLAGS, TAILOR } from "./wording.ts";

/** What a command's experiment computes with, and how it is stopped and displayed. */
type Shared = Required<Pick<ExperimentOptions, "data" | "threads" | "isInterrupted" | "onEvent">> &
  Device &
  Pick<ExperimentOptions, "trainRuns">;

/**
 * Runs a command's experiment, displayed and until it is interrupted.
 *
 * @param run gives undefined when it was interrupted before its end, or one shard was trained, which is then said
 */
export function whileResumable<Result>(
  {
    data,
    threads,
    trainRuns,
    device = CPU_DEVICE,
  }: Pick<Shared, "data" | "threads" | "trainRuns"> & { readonly device?: Device },
  output: Output,
  run: (shared: Shared) => Promise<Result | undefined>,
): Promise<{ result: Result | undefined; interruptedBy: number | undefined }> {
  return whileInterruptible(output.note, async (isInterrupted) => {
    const result = await run({
      data,
      threads,
      trainRuns,
      ...device,
      isInterrupted,
      onEvent: experimentDisplay(output),
    });
    // Without an interrupt the rest is trained elsewhere, which the display says.
    if (result === undefined && isInterrupted()) output.note("stopped; run the same command again to resume");
    return result;
  });
}

/** Displays an experiment on the command line; to be passed as `onEvent`. */
export function experimentDisplay(output: Output): (event: ExperimentEvent) => void {
  let training: ReturnType<typeof trainingDisplay> | undefined;
  const queue = queueDisplay(output);
  return (event) => {
    switch (event.kind) {
      case "forecast":
        return output.note(forecastLine(event));
      case "rung":
        return output.note(
          `rung ${event.rung} of ${event.rungs}: ${counted(event.candidates, "candidate")}, ${counted(event.epochs, "epoch")}`,
        );
      case "started": {
        training = trainingDisplay(output, event.record.epochs);
        output.note("");
        output.note(startLine(event.record, event.from));
        const unit = event.record.baseEpochs?.at(-1);
        if (unit) output.note(`one epoch of base: ${unit.seconds.toFixed(1)} s`);
        return output.note(`run folder: ${event.run.path}`);
      }
      case "step":
        return training?.step(event.progress);
      case "epoch":
        if (queue.epoch(event.run, event.line)) return;
        return training?.epoch(event.line);
      case "finished":
      case "stopped":
      case "failed":
        queue.ended(event.run);
        return training?.clear();
      case "diverged":
        queue.ended(event.run);
        training?.clear();
        return output.note(`${event.run.path}: ${event.error.worded(IN_FLAGS)}`);
      case "evaluated":
        return output.note(
          `${event.run.recipe.name}, ${repeatText(event.run)}: ${accuracyLine(event.split, event.metrics)}`,
        );
      case "not-kept":
        return sayNotKept(output)(event.why);
      case "queued":
      case "taken":
      case "remote-step":
      case "left-queued":
        return queue.show(event);
      case "shard-trained":
        return sayShard(event, output);
      default:
        return event satisfies never;
    }
  };
}

function sayShard(
  { shard: { number, of }, own, open }: Extract<ExperimentEvent, { kind: "shard-trained" }>,
  output: Output,
): void {
  output.say(
    `shard ${number} of ${of} is trained: ${counted(own.length, "run")}; ${counted(open.length, "run")} of the others ${open.length === 1 ? "is" : "are"} missing here`,
  );
  output.say(`when all shards are trained: ${TAILOR} merge FOLDER... --out MERGED`);
  output.say("then the same command without --shard and with --out MERGED");
  const paths = (runs: readonly PlannedRun[]) => runs.map(({ path }) => path);
  output.result({ shard: `${number}/${of}`, runs: paths(own), missing: paths(open) });
}

/** "seed 2", "fold 2 of 5" */
export function repeatText({ seed, fold }: Pick<PlannedRun, "seed" | "fold">): string {
  return fold ? `fold ${fold.number} of ${fold.of}` : `seed ${seed}`;
}

function forecastLine({
  planned,
  open,
  seconds,
  isUpperBound,
}: Extract<ExperimentEvent, { kind: "forecast" }>): string {
  const [total, done] = [planned.length, planned.length - open.length];
  if (open.length === 0) return total === 1 ? "trained already" : `all ${total} runs are trained already`;
  const already = done > 0 ? `; ${done} of ${total} are trained already` : "";
  const time = seconds === null ? "" : `; ${isUpperBound ? "at most" : "about"} ${duration(seconds)}`;
  return `to train: ${namesOf(open)}${time}${already}`;
}

/** "base (seeds 1, 2), enhanced (seed 1)", "base (folds 1, 2, 3)" */
function namesOf(runs: readonly PlannedRun[]): string {
  const numbers = new Map<string, number[]>();
  for (const { recipe, seed, fold } of runs) {
    numbers.set(recipe.name, [...(numbers.get(recipe.name) ?? []), fold?.number ?? seed]);
  }
  const what = runs[0]?.fold ? "fold" : "seed";
  return [...numbers]
    .map(([name, list]) => `${name} (${list.length === 1 ? what : `${what}s`} ${list.join(", ")})`)
    .join(", ");
}
