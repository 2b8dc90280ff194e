import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { forecastStudy } from "../experiments/forecast.ts";
import type { PlannedRun } from "../experiments/planned-run.ts";
import { plannedRunState, type StudyRun, trainPlanned } from "../experiments/planned-run.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { duration } from "../text.ts";
import { DivergedError } from "../training/diverged.ts";
import type { Output } from "./output.ts";
import { startLine, trainingDisplay } from "./training-display.ts";

/** What planned runs are trained with. */
export interface Machine {
  readonly data: LoadedData;
  readonly threads: number;
  /** Left out: blocked where the processor has it. */
  readonly lowering?: Lowering["kind"] | undefined;
  /** Events for TensorBoard besides. */
  readonly tensorboard?: boolean;
}

export interface TrainAllOptions extends Machine {
  readonly isInterrupted: () => boolean;
  /** Called once before the first run that is not trained yet, when nothing speaks against training. */
  readonly onBegin?: () => void;
  /** Told of a run that diverged, which is then left out; without it the first one ends all with its error. */
  readonly onDiverged?: (run: PlannedRun, error: DivergedError) => void;
  /** Asked of each run, for the forecast and before it is trained; those that are not worth it (any more) are left out. */
  readonly isWanted?: (run: PlannedRun) => boolean;
}

/**
 * Says how long planned runs will take and trains those that are not trained yet, one after the other.
 *
 * @returns undefined when it was interrupted: the same call goes on where it was
 */
export async function trainAll(
  planned: readonly PlannedRun[],
  { isInterrupted, onBegin, onDiverged, isWanted = () => true, ...machine }: TrainAllOptions,
  output: Output,
): Promise<StudyRun[] | undefined> {
  const isOpen = await sayForecast(planned.filter(isWanted), machine, output);
  if (isInterrupted()) return undefined;
  if (isOpen) onBegin?.();
  const runs: StudyRun[] = [];
  for (const run of planned) {
    if (isInterrupted()) return undefined;
    if (!isWanted(run)) continue;
    const display = trainingDisplay(output, run.recipe.epochs);
    try {
      const trained = await trainPlanned(run, {
        ...machine,
        runtime: nodeRuntime,
        hooks: { onStep: display.step, onEpoch: display.epoch, isStopRequested: isInterrupted },
        onStart: (folder, record, from) => {
          output.note("");
          output.note(startLine(record, from));
          output.note(`run folder: ${folder}`);
        },
      });
      if (!trained) return undefined;
      runs.push(trained);
    } catch (error) {
      if (!onDiverged || !(error instanceof DivergedError)) throw error;
      onDiverged(run, error);
    } finally {
      display.clear();
    }
  }
  return runs;
}

/** @returns whether there is anything left to train */
async function sayForecast(planned: readonly PlannedRun[], machine: Machine, output: Output): Promise<boolean> {
  if (planned.length === 0) return false;
  const states = planned.map((run) => plannedRunState(run, machine).kind);
  const open = planned.filter((_, i) => states[i] !== "finished");
  const [total, done] = [planned.length, planned.length - open.length];
  if (open.length === 0) {
    output.note(total === 1 ? "trained already" : `all ${total} runs are trained already`);
    return false;
  }
  const seconds = await forecastStudy(open, { ...machine, runtime: nodeRuntime });
  const about = states.includes("unfinished") ? "at most" : "about";
  const already = done > 0 ? `; ${done} of ${total} are trained already` : "";
  output.note(`to train: ${namesOf(open)}; ${about} ${duration(seconds)}${already}`);
  return true;
}

/** "base (seeds 1, 2), enhanced (seed 1)" */
function namesOf(runs: readonly PlannedRun[]): string {
  const seeds = new Map<string, number[]>();
  for (const { recipe, seed } of runs) seeds.set(recipe.name, [...(seeds.get(recipe.name) ?? []), seed]);
  return [...seeds]
    .map(([name, list]) => `${name} (${list.length === 1 ? "seed" : "seeds"} ${list.join(", ")})`)
    .join(", ");
}
