import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { differingField, type PlannedRun, plannedRunState, seedBySeed } from "../experiments/planned-run.ts";
import {
  type Candidate,
  candidateResult,
  planCandidate,
  type Rung,
  ranked,
  type SweepPlan,
  type SweepResult,
} from "../experiments/sweep.ts";
import { recipeToJson } from "../recipes/recipe.ts";
import { errorCode, explainFileError } from "../runs/node/file-errors.ts";
import type { OutputFolder } from "../runs/node/output-folder.ts";
import { checkJson, parseJson } from "../runs/parse-json.ts";
import { counted } from "../text.ts";
import type { Output } from "./output.ts";
import { type TrainAllOptions, trainAll } from "./train-planned.ts";

/** Runs that diverged, by their folder in the sweep's: they are not trained again when the sweep goes on. */
const DIVERGED = "diverged.json";

/** What is known of such a run. With another recipe, as its JSON, or other images it is another run. */
const divergedRun = z.object({
  message: z.string(),
  recipe: z.record(z.string(), z.unknown()),
  limit: z.number().nullable(),
  /** SHA-256 of the data's files. */
  files: z.array(z.string()),
});
type DivergedRuns = Record<string, z.infer<typeof divergedRun>>;

export interface SweepOptions extends Omit<TrainAllOptions, "onBegin" | "onDiverged" | "isWanted"> {
  readonly plan: SweepPlan;
  /** Left out: one rung, in which each candidate trains for its recipe's epochs. */
  readonly rungs: readonly Rung[] | undefined;
  readonly folder: OutputFolder;
}

/**
 * Trains candidates rung by rung, run by run; what is trained already is not trained again.
 *
 * @returns what became of each, best first; undefined when it was interrupted: the same call goes on where it was
 */
export async function runSweep(
  candidates: readonly Candidate[],
  { plan, rungs, folder, ...machine }: SweepOptions,
  output: Output,
): Promise<SweepResult[] | undefined> {
  const diverged = readDiverged(plan.out);
  const files = machine.data.files.map(({ sha256 }) => sha256);
  const hasDiverged = ({ path, recipe }: PlannedRun) => {
    const known = diverged[relative(plan.out, path)];
    return (
      known !== undefined &&
      known.limit === plan.limit &&
      known.files.join() === files.join() &&
      differingField(known.recipe, recipe) === undefined
    );
  };
  const out: SweepResult[] = [];
  let left = [...candidates];
  for (const [at, rung] of (rungs ?? [undefined]).entries()) {
    if (left.length === 0) break;
    if (rung) {
      output.note(
        `rung ${at + 1} of ${rungs!.length}: ${counted(left.length, "candidate")}, ${counted(rung.epochs, "epoch")}`,
      );
    }
    const plans = left.map((candidate) => {
      const epochs = rung?.epochs ?? candidate.recipe.epochs;
      return { candidate, epochs, planned: planCandidate(candidate, epochs, plan) };
    });
    // Of a candidate that diverged with one seed no others are trained: it cannot win.
    const isWanted = (run: PlannedRun) => {
      const { planned } = plans.find((one) => one.planned.some(({ path }) => path === run.path))!;
      if (!planned.some(hasDiverged)) return true;
      return !hasDiverged(run) && plannedRunState(run, machine).kind === "finished";
    };
    const trained = await trainAll(
      seedBySeed(plans.map(({ planned }) => planned)),
      {
        ...machine,
        isWanted,
        onBegin: folder.begin,
        onDiverged({ path, recipe }, { message }) {
          output.note(`${path}: ${message}`);
          diverged[relative(plan.out, path)] = {
            message,
            recipe: recipeToJson(recipe),
            limit: plan.limit,
            files,
          };
          folder.write(DIVERGED, `${JSON.stringify(diverged, null, 2)}\n`);
        },
      },
      output,
    );
    if (!trained) return undefined;
    const results = ranked(
      plans.map(({ candidate, ...one }) => {
        const paths = new Set(one.planned.map(({ path }) => path));
        return candidateResult(candidate, { ...one, trained: trained.filter(({ path }) => paths.has(path)) });
      }),
    );
    const kept = results.slice(0, rungs?.[at + 1]?.candidates ?? 0).filter(({ accuracy }) => accuracy !== null);
    out.push(...results.filter((result) => !kept.includes(result)));
    left = kept.map(({ candidate }) => candidate);
  }
  return ranked(out);
}

function readDiverged(out: string): DivergedRuns {
  const file = join(out, DIVERGED);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return {};
    throw explainFileError(error, "read", file);
  }
  const todo = "remove it, and those runs are trained again";
  return checkJson(z.record(z.string(), divergedRun), parseJson(text, file, todo), file, todo);
}
