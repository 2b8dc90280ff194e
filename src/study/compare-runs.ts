import type { LoadedData } from "../data/sources/chain.ts";
import { imageTask } from "../data/training-data.ts";
import { type EvaluationSplit, evaluateRun } from "../evaluation/evaluate-run.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { comparePaired, type PairedComparison } from "../evaluation/significance.ts";
import { modelFacts } from "../nn/model-facts.ts";
import { recipeFromJson } from "../recipes/recipe-json.ts";
import { readRunRecord } from "../runs/run-files.ts";

/** A run among others. */
export interface ComparedRun {
  /** Its folder. */
  readonly run: string;
  readonly recipe: string;
  readonly seed: number;
  /** Two runs of which this is equal differ in their seeds only. */
  readonly setting: string;
  readonly epochs: number;
  readonly metrics: ClassificationMetrics;
  readonly parameters: number;
  /** Of one image, forward. */
  readonly multiplyAdds: number;
  /** Of training. */
  readonly seconds: number;
}

/** Two runs on the same images: `b` minus `a`. */
export interface ComparedPair extends PairedComparison {
  readonly a: string;
  readonly b: string;
}

export interface CompareOptions {
  readonly data: LoadedData;
  readonly split: EvaluationSplit;
  readonly threads: number;
  readonly onNotKept: (why: string) => void;
}

/**
 * Evaluates runs on the same images and compares each with each.
 *
 * @throws UserError when a run is not finished or was trained on other data
 */
export async function compareRuns(
  paths: readonly string[],
  { data, split, threads, onNotKept }: CompareOptions,
): Promise<{ runs: ComparedRun[]; pairs: ComparedPair[] }> {
  // A folder that is no run is found before the first is evaluated.
  const records = paths.map((path) => readRunRecord(path));
  const runs: ComparedRun[] = [];
  for (const [i, path] of paths.entries()) {
    const record = records[i]!;
    const metrics = await evaluateRun(path, { data, split, averageFlips: false, threads, onNotKept });
    const { model } = recipeFromJson(record.recipe, `${path}/run.json`);
    const { parameters, multiplyAdds } = modelFacts(model, imageTask(data.train));
    if (record.result === null) throw new Error(`${path} was evaluated though it is not finished`);
    const { seconds } = record.result;
    const { recipeName, seed, epochs, limit, trainOn } = record;
    const setting = JSON.stringify([recipeName, record.recipe, limit, trainOn]);
    runs.push({ run: path, recipe: recipeName, seed, setting, epochs, metrics, parameters, multiplyAdds, seconds });
  }
  const pairs = runs.flatMap((a, i) =>
    runs.slice(i + 1).map((b) => ({
      a: a.run,
      b: b.run,
      ...comparePaired(a.metrics.predictions, b.metrics.predictions),
    })),
  );
  return { runs, pairs };
}
