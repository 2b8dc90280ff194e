import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { counted } from "../numbers.ts";
import { errorCode, explainFileError } from "../runs/file-errors.ts";
import type { OutputFolder } from "../runs/output-folder.ts";
import { checkJson, parseJson } from "../runs/parse-json.ts";
import { seedBySeed } from "../study/plan.ts";
import {
  type Candidate,
  planCandidate,
  type Rung,
  ranked,
  resultOf,
  type SweepPlan,
  type SweepResult,
} from "../study/sweep.ts";
import type { Output } from "./output.ts";
import { type TrainAllOptions, trainAll } from "./train-planned.ts";

/** Runs that diverged, by folder, with what was said: they are not trained again when the sweep goes on. */
const DIVERGED = "diverged.json";

export interface SweepOptions extends Omit<TrainAllOptions, "onDiverged"> {
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
  const out: SweepResult[] = [];
  let left = [...candidates];
  for (const [at, rung] of (rungs ?? [undefined]).entries()) {
    if (rung && rungs!.length > 1) {
      output.note(
        `rung ${at + 1} of ${rungs!.length}: ${counted(rung.candidates, "candidate")}, ${counted(rung.epochs, "epoch")}`,
      );
    }
    const plans = left.map((candidate) => {
      const epochs = rung?.epochs ?? candidate.recipe.epochs;
      return { candidate, epochs, planned: planCandidate(candidate, epochs, plan) };
    });
    const planned = seedBySeed(plans.map((one) => one.planned)).filter((run) => !diverged.has(run.path));
    const trained = await trainAll(
      planned,
      {
        ...machine,
        onDiverged({ path }, { message }) {
          output.note(`${path}: ${message}`);
          diverged.set(path, message);
          folder.write(DIVERGED, `${JSON.stringify(Object.fromEntries(diverged), null, 2)}\n`);
        },
      },
      output,
    );
    if (!trained) return undefined;
    const results = ranked(
      plans.map(({ candidate, ...one }) => {
        const paths = new Set(one.planned.map(({ path }) => path));
        return resultOf(candidate, { ...one, trained: trained.filter(({ path }) => paths.has(path)) });
      }),
    );
    const kept = results.slice(0, rungs?.[at + 1]?.candidates ?? 0).filter(({ accuracy }) => accuracy !== null);
    out.push(...results.filter((result) => !kept.includes(result)));
    left = kept.map(({ candidate }) => candidate);
  }
  return ranked(out);
}

function readDiverged(out: string): Map<string, string> {
  const file = join(out, DIVERGED);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return new Map();
    throw explainFileError(error, "read", file);
  }
  const todo = "remove it, and those runs are trained again";
  return new Map(Object.entries(checkJson(z.record(z.string(), z.string()), parseJson(text, file, todo), file, todo)));
}
