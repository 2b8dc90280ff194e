import { trainingParts } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { EXPERIMENT_MARKERS } from "../../experiments/experiment-files.ts";
import { halvingRungs, runSweep } from "../../experiments/sweep.ts";
import {
  candidatesOf,
  checkFields,
  drawCandidates,
  gridOf,
  MAX_CANDIDATES,
  parseVariation,
  type Variation,
} from "../../experiments/variations.ts";
import { MODELS } from "../../models/index.ts";
import { FITTED_FIELDS, fitToTraining } from "../../recipes/fit-to-images.ts";
import { isBuiltIn } from "../../recipes/index.ts";
import { MAX_EPOCHS, type Recipe, recipeToJson } from "../../recipes/recipe.ts";
import { applicableChanges, changesText } from "../../recipes/recipe-fields.ts";
import { type SweepReport, sweepSummary, sweepTable } from "../../report/node/sweep-report.ts";
import { tableLines } from "../../report/tables.ts";
import { listText } from "../../report/wording.ts";
import { openOutputFolder } from "../../runs/node/output-folder.ts";
import { counted, shellWord } from "../../text.ts";
import { trainingTrial } from "../../training/node/training-trial.ts";
import { BACKBONE_OPTIONS, recipeTyped, withPixelRange, withWeightDecay } from "../backbone.ts";
import { defineCommand, type OptionSpec, type OptionsOf, type OptionValues } from "../command.ts";
import { DEVICE_OPTION, LIMIT_OPTION, THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataToTrain, PREPARATION_OPTIONS } from "../custom-data.ts";
import { chosenDevice } from "../device.ts";
import { DISTRIBUTION_OPTIONS, typedDistribution } from "../distribution.ts";
import { whileResumable } from "../experiment-display.ts";
import { FINE_TUNE_OPTIONS, withWeights } from "../fine-tuning.ts";
import { path, seeds, threads, wholeNumber } from "../parse.ts";
import { noteRenamed, RECIPE_DESCRIPTION } from "../recipe-argument.ts";
import { commandLine } from "../wording.ts";

/** File of the best candidate's recipe, in the format of run.json. */
const BEST = "best.json";

const OPTIONS = [
  {
    flags: "--over <field=values>",
    description:
      "a field to vary, learningRate=0.002,0.004 or optimizer.weightDecay=1e-5..1e-2 (a range, with --random); may be repeated",
    isRepeatable: true,
  },
  { flags: "--random <n>", description: "draw n candidates instead of trying every combination" },
  {
    flags: "--halving",
    description: "train all for few epochs, the best third for three times as many, and so on",
  },
  { flags: "--epochs <n>", description: "of each run; with --halving of the last ones", default: "the recipe's" },
  { flags: "--seeds <n>", description: "runs of each candidate, with seeds 1 to n", default: "1" },
  LIMIT_OPTION,
  { flags: "--out <folder>", description: "where everything goes; the same command goes on", default: "sweep" },
  CUSTOM_DATA_OPTION,
  ...PREPARATION_OPTIONS,
  ...BACKBONE_OPTIONS,
  ...FINE_TUNE_OPTIONS,
  THREADS_OPTION,
  DEVICE_OPTION,
  ...DISTRIBUTION_OPTIONS,
] as const satisfies readonly OptionSpec[];
type Options = OptionsOf<typeof OPTIONS>;

export const sweep = defineCommand({
  name: "sweep",
  arguments: [{ name: "<recipe>", description: RECIPE_DESCRIPTION }],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js sweep base --over learningRate=0.002,0.004,0.008 --over batchSize=64,128",
    "node bin/tailor.js sweep enhanced --random 18 --halving --over learningRate=1e-3..1e-2 --over labelSmoothing=0,0.1",
    "node bin/tailor.js sweep base --epochs 3 --limit 5000 --over optimizer.kind=adam,muon --out sweep-try",
  ],
  async run([recipeName], options, output) {
    noteRenamed(recipeName, output);
    const { recipe: named, recipeFile, isRangeSupposed } = await recipeTyped(recipeName ?? "", options, output);
    const recipe = withEpochs(await withWeights(named, options, output), options);
    const variations = readVariations(options);
    const draws = wholeNumber(options, "random", { least: 2, most: MAX_CANDIDATES });
    checkFields(recipe, variations);
    const changes =
      draws === undefined
        ? gridOf(variations)
        : drawCandidates(variations, draws, (drawn) => applicableChanges(recipe, drawn));
    // Invalid changes are refused before the data is read.
    candidatesOf(recipe, changes);
    checkEpochs(options, variations);
    const trainRuns = typedDistribution(options);
    const limit = wholeNumber(options, "limit") ?? null;
    const data = await dataToTrain(options, output, recipe);
    const images = { trainOn: "split", limit } as const;
    const { fittedFrom, ...fitting } = fitToTraining(recipe, data.train, {
      ...images,
      given: FITTED_FIELDS.filter(
        (field) =>
          !isBuiltIn(named) ||
          (field === "epochs" && options.epochs !== undefined) ||
          variations.some((one) => one.field === field),
      ),
    });
    // As a training chooses it: candidates that differ in something else share it.
    const isOptimizerVaried = variations.some(({ field }) => field.startsWith("optimizer."));
    const ranged = await withPixelRange({ ...fitting, isRangeSupposed }, data, images, options, output);
    const fitted = isOptimizerVaried ? ranged : await withWeightDecay(ranged, data, images, options, output);
    const candidates = candidatesOf(fitted, changes);
    const isHalving = options.halving === true;
    const rungs = isHalving ? halvingRungs(candidates.length, fitted.epochs) : undefined;
    if (rungs?.length === 1) {
      throw new UserError(
        `--halving keeps the best third of a rung, so it takes at least 3 candidates and 3 epochs; here are ${counted(candidates.length, "candidate")} of ${counted(fitted.epochs, "epoch")}`,
        { exitCode: 2 },
      );
    }
    if (draws !== undefined && candidates.length < draws) {
      output.note(`there are ${candidates.length} different candidates, not ${draws}`);
    }
    const plan = {
      out: path(options, "out") ?? "sweep",
      recipeFile,
      fittedFrom,
      seeds: seeds(options) ?? 1,
      limit,
    };
    const parts = trainingParts(data.train, { trainOn: "split", limit: plan.limit });
    const trial = trainingTrial({ recipe: fitted, ...images }, data, threads(options));
    const device = await chosenDevice(options.device, trial, output);
    const folder = openOutputFolder(plan.out, EXPERIMENT_MARKERS.sweep);
    const { result: results, interruptedBy } = await whileResumable(
      { data, threads: threads(options), trainRuns, device },
      output,
      (shared) => runSweep(candidates, { ...shared, plan, rungs, folder }),
    );
    if (!results) return interruptedBy;
    const report: SweepReport = {
      recipe: recipe.name,
      method: draws === undefined ? "grid" : "random",
      isHalving,
      seeds: plan.seeds,
      trainImages: parts.train.length,
      validationImages: parts.validation?.length ?? 0,
      fields: variations.map(({ field, kind }) => ({ name: field, isRange: kind === "range" })),
      rows: results,
    };
    for (const line of tableLines(sweepTable(report))) output.say(line);
    const best = results[0]!;
    if (!best.accuracy) {
      folder.finish({ ...sweepSummary(report), best: null, plots: [] });
      throw new UserError(`all ${counted(results.length, "candidate")} diverged; try lower learning rates`);
    }
    // Loaded on use, as the figures' libraries load slowly.
    const { writeSweep } = await import("../../experiments/study/write-report.ts");
    const bestRecipe = {
      ...best.candidate.recipe,
      epochs: best.epochs,
      // Usable in a folder's name, and different from the recipe's own name.
      name: `${recipe.name}-best`,
      description: `${recipe.name} with ${changesText(best.changes)}, the best of ${counted(results.length, "candidate")} by its validation accuracy`,
    };
    const bestFile = folder.write(BEST, `${JSON.stringify(recipeToJson(bestRecipe), null, 2)}\n`);
    const plots = writeSweep(report, folder);
    output.say("");
    output.say(`best: ${changesText(best.changes)}, in ${listText(best.runs)}`);
    // A custom model cannot be named in a JSON file.
    const isWhole = MODELS.some(({ name }) => name === bestRecipe.model.name);
    const call = commandLine(`train ${shellWord(bestFile)}`, sameImages(options));
    output.say(
      isWhole
        ? `its recipe: ${bestFile}, to be trained by: ${call}`
        : `to train it again, put these values into ${recipeFile ?? "the recipe"}; ${bestFile} has them, but cannot hold a network of your own`,
    );
    output.say(`plot: ${plots[0]}`);
    const summary = {
      ...sweepSummary(report),
      best: { changes: best.changes, runs: best.runs, recipe: bestFile },
      plots,
    };
    folder.finish(summary);
    output.result(summary);
    return 0;
  },
});

/** The options that say which images there are, and how they are read. */
function sameImages({ data, limit, size, channels, fit, labelFrom, skipUnreadable }: Options): OptionValues {
  return { data, limit, size, channels, fit, labelFrom, skipUnreadable };
}

function withEpochs(recipe: Recipe, options: Options): Recipe {
  return { ...recipe, epochs: wholeNumber(options, "epochs", { most: MAX_EPOCHS }) ?? recipe.epochs };
}

/** @throws UserError when something else says the epochs too */
function checkEpochs(options: Options, variations: readonly Variation[]): void {
  if (!variations.some(({ field }) => field === "epochs")) return;
  if (options.halving === true) {
    throw new UserError("--halving decides the epochs itself; leave out --over epochs=...", { exitCode: 2 });
  }
  if (options.epochs !== undefined) {
    throw new UserError("--epochs and --over epochs=... both say the epochs; leave out one", { exitCode: 2 });
  }
}

/** @throws UserError when there is none, or a field comes twice */
function readVariations(options: Options): Variation[] {
  const variations = (options.over ?? []).map(parseVariation);
  if (variations.length === 0) {
    throw new UserError("say what to vary: --over learningRate=0.002,0.004, as often as there are fields", {
      exitCode: 2,
    });
  }
  const fields = variations.map(({ field }) => field);
  const twice = fields.find((field, i) => fields.indexOf(field) < i);
  if (twice !== undefined) {
    throw new UserError(`--over ${twice}=... was given twice; list all its values in one`, { exitCode: 2 });
  }
  return variations;
}
