import type { LoadedData } from "../data/sources/chain.ts";
import { imageTask } from "../data/training-data.ts";
import { type EvaluationSplit, evaluateRun } from "../evaluation/evaluate-run.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { comparePaired, type PairedComparison } from "../evaluation/significance.ts";
import { findModel } from "../models/index.ts";
import { modelFacts } from "../nn/model-facts.ts";
import { recipeFromJson } from "../recipes/recipe-json.ts";
import { readAnyRunRecord } from "../runs/run-files.ts";
import type { AnyRunRecord } from "../runs/run-record.ts";

/** A run among others. */
export interface ComparedRun {
  /** Its folder. */
  readonly run: string;
  /** Of imported weights: the model, and that they were imported. */
  readonly recipe: string;
  /** Null: not known, as of imported weights; so are epochs and seconds. */
  readonly seed: number | null;
  /** Two runs of which this is equal differ in their seeds only. */
  readonly setting: string;
  readonly epochs: number | null;
  readonly metrics: ClassificationMetrics;
  readonly parameters: number;
  /** Of one image, forward. */
  readonly multiplyAdds: number;
  /** Of training. */
  readonly seconds: number | null;
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
  const records = paths.map((path) => readAnyRunRecord(path));
  const runs: ComparedRun[] = [];
  for (const [i, path] of paths.entries()) {
    const record = records[i]!;
    const metrics = await evaluateRun(path, { data, split, averageFlips: false, threads, onNotKept });
    const { model, ...training } = trainingOf(record, path);
    const { parameters, multiplyAdds } = modelFacts(model, imageTask(data.train));
    runs.push({ run: path, ...training, metrics, parameters, multiplyAdds });
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

/** What is known of how a run came to its weights. */
function trainingOf(record: AnyRunRecord, path: string) {
  switch (record.status) {
    case "imported": {
      const { model, weightsSha256 } = record;
      const setting = JSON.stringify(["imported", weightsSha256]);
      return {
        model: findModel(model),
        recipe: `${model} (imported)`,
        setting,
        seed: null,
        epochs: null,
        seconds: null,
      };
    }
    case "finished": {
      const { recipeName, recipe, seed, epochs, limit, trainOn } = record;
      const { model } = recipeFromJson(recipe, `${path}/run.json`);
      const setting = JSON.stringify([recipeName, recipe, limit, trainOn]);
      return { model, recipe: recipeName, setting, seed, epochs, seconds: record.result.seconds };
    }
    case "running":
      throw new Error(`${path} was evaluated though it is not finished`);
    default:
      return record satisfies never;
  }
}
