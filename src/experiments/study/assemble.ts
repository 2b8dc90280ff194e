import type { LoadedData } from "../../data/node/chain.ts";
import { imageTask } from "../../data/training-data.ts";
import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import { comparePaired, seedSpread, welchInterval } from "../../evaluation/significance.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { findRecipe } from "../../recipes/index.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { LADDER } from "../../report/ladder/ladder.ts";
import type { Gain, ModelDetail, ModelResult, Role, StudyReport, StudySetting } from "../../report/report-data.ts";
import { committedResults } from "../../runs/node/committed-results.ts";
import { readMetrics } from "../../runs/node/run-files.ts";
import { counted } from "../../text.ts";
import type { FinishedRun } from "../planned-run.ts";
import { conclusionOf } from "./conclusion.ts";
import { OUR_PAIR, REPEATED_STUDY_PAIR, RESNET18_COMPARISON, type RecipePair } from "./plan.ts";

/** A run with its metrics on the test images. */
export interface TestedRun extends FinishedRun {
  readonly test: ClassificationMetrics;
  /** With test-time averaging of each image and its mirror image. */
  readonly testAveraged: ClassificationMetrics;
}

/** Names of the study's published pair in the ladder. */
const STUDY_PAIR: RecipePair = { base: "Base (study)", enhanced: "Enhanced (study)" };

/**
 * Assembles the report of a study from its tested runs.
 *
 * @param runs at least one of each of our two recipes; missing results of the repeated study are taken from the
 *   committed ones
 */
export function assembleReport(
  runs: readonly TestedRun[],
  { data, setting, isQuick }: { data: LoadedData; setting: StudySetting; isQuick: boolean },
): StudyReport {
  const runsOf = (recipe: string) => runs.filter((run) => run.recipe.name === recipe);
  const ours = [REPEATED_STUDY_PAIR, OUR_PAIR].flatMap((pair) =>
    inRoles(pair).map(([name, role]) => {
      const trained = runsOf(name);
      return trained.length > 0 ? trainedResult(trained, role, data) : committedResult(findRecipe(name), role, data);
    }),
  );
  const compared = [
    ...RESNET18_COMPARISON.ours.map((name) => [name, "champion"] as const),
    ...RESNET18_COMPARISON.resnet18.map((name) => [name, "resnet18"] as const),
  ].filter(([name]) => ours.every((result) => result?.name !== name) && runsOf(name).length > 0);
  const results = [
    ...(data.verified ? inRoles(STUDY_PAIR).map(([name, role]) => publishedResult(name, role)) : []),
    ...ours.filter((result) => result !== undefined),
    ...compared.map(([name, role]) => trainedResult(runsOf(name), role, data)),
  ];
  const overResNet18 = RESNET18_COMPARISON.resnet18
    .filter((name) => runsOf(name).length > 0)
    .flatMap((base) =>
      RESNET18_COMPARISON.ours.flatMap((enhanced) => gainOf({ base, enhanced }, results, runsOf) ?? []),
    );
  const gains = [STUDY_PAIR, REPEATED_STUDY_PAIR, OUR_PAIR].flatMap((pair) => gainOf(pair, results, runsOf) ?? []);
  const trainedNames = [...new Set(runs.map(({ recipe }) => recipe.name))];
  const report = {
    isQuick,
    isFashionMnist: data.verified,
    setting,
    results,
    gains,
    overResNet18,
    models: trainedNames.map((name) => detailOf(runsOf(name))),
    test: data.test,
  };
  return { ...report, conclusion: conclusionOf(report) };
}

function inRoles({ base, enhanced }: RecipePair): [string, Role][] {
  return [
    [base, "base"],
    [enhanced, "enhanced"],
  ];
}

function publishedResult(name: string, role: Role): ModelResult {
  const entry = LADDER.find((row) => row.name === name);
  if (!entry || entry.claimed === null) throw new Error(`the ladder has no ${name} with a published accuracy`);
  return {
    name,
    role,
    origin: { kind: "published", source: entry.source },
    accuracy: seedSpread([entry.claimed]),
    epochs: entry.epochs,
    parameters: entry.parameters,
    multiplyAdds: entry.multiplyAdds,
    seconds: null,
  };
}

function trainedResult(runs: readonly TestedRun[], role: Role, data: LoadedData): ModelResult {
  return {
    ...costOf(runs[0]!.recipe, data),
    role,
    origin: { kind: "trained", runs: runs.map(({ path }) => path) },
    accuracy: seedSpread(runs.map(({ test }) => test.accuracy)),
    seconds: seedSpread(runs.map(({ record }) => record.result.seconds)).mean,
  };
}

/** Undefined if there is no committed result. */
function committedResult(recipe: Recipe, role: Role, data: LoadedData): ModelResult | undefined {
  // Published and committed figures belong to Fashion-MNIST as it was published; other data has none.
  if (!data.verified) return undefined;
  const results = committedResults(recipe.name);
  const first = results[0]?.record;
  if (!first) return undefined;
  return {
    ...costOf(recipe, data),
    epochs: first.epochs,
    role,
    origin: {
      kind: "committed",
      files: results.map(({ file }) => file),
      commit: first.commit ?? "unknown",
      cpu: `${first.cpu.model}, ${counted(first.threads, "thread")}`,
    },
    accuracy: seedSpread(results.map(({ test }) => test.accuracy)),
    // Runs that share a machine slow each other down: the fastest is most representative.
    seconds: Math.min(...results.map(({ record }) => record.result.seconds)),
  };
}

function costOf(recipe: Recipe, data: LoadedData) {
  const { parameters, multiplyAdds } = modelFacts(recipe.model, imageTask(data.train));
  return { name: recipe.name, epochs: recipe.epochs, parameters, multiplyAdds };
}

function gainOf(
  { base, enhanced }: RecipePair,
  results: readonly ModelResult[],
  runsOf: (recipe: string) => readonly TestedRun[],
): Gain | undefined {
  const first = results.find(({ name }) => name === base);
  const second = results.find(({ name }) => name === enhanced);
  if (!first || !second) return undefined;
  const [firstRun, secondRun] = [runsOf(base)[0], runsOf(enhanced)[0]];
  return {
    base,
    enhanced,
    difference: second.accuracy.mean - first.accuracy.mean,
    overSeeds: welchInterval(first.accuracy, second.accuracy),
    paired: firstRun && secondRun ? comparePaired(firstRun.test.predictions, secondRun.test.predictions) : null,
  };
}

function detailOf(runs: readonly TestedRun[]): ModelDetail {
  const [first] = runs as readonly [TestedRun, ...TestedRun[]];
  return {
    recipe: first.recipe.name,
    description: first.recipe.description,
    runs: runs.map(({ seed, path }) => ({ seed, path, epochs: readMetrics(path) })),
    test: first.test,
    testAveraged: first.testAveraged,
  };
}
