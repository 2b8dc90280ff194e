import { join } from "node:path";
import { trainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { learningRatesFigure } from "../../plots/learning-rates.ts";
import { drawSvg, pngBytes } from "../../plots/node/render.ts";
import { adjustRecipe, givenFields } from "../../recipes/adjust-recipe.ts";
import { FITTED_FIELDS, fitToTraining } from "../../recipes/fit-to-images.ts";
import { isBuiltIn } from "../../recipes/index.ts";
import { normalizationFor } from "../../recipes/recipe.ts";
import { makeFolder } from "../../runs/node/output-folder.ts";
import { writeWholeFile } from "../../runs/node/whole-file.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { nodeRuntime } from "../../runtime/node/index.ts";
import { counted } from "../../text.ts";
import { findLearningRate, LEARNING_RATE_SEARCH } from "../../training/find-learning-rate.ts";
import { trainingValues } from "../../training/node/picture-features.ts";
import { pretrainedTensors } from "../../training/node/pretrained.ts";
import { BACKBONE_OPTIONS, recipeTyped, withPixelRange } from "../backbone.ts";
import { defineCommand } from "../command.ts";
import { LIMIT_OPTION, loweringOption, THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataToTrain, PREPARATION_OPTIONS } from "../custom-data.ts";
import { FINE_TUNE_OPTIONS, withWeights } from "../fine-tuning.ts";
import { whileInterruptible } from "../interrupt.ts";
import { path, positiveNumber, threads, wholeNumber } from "../parse.ts";
import { noteRenamed, RECIPE_DESCRIPTION } from "../recipe-argument.ts";

export const lrFind = defineCommand({
  name: "lr-find",
  arguments: [{ name: "<recipe>", description: RECIPE_DESCRIPTION }],
  options: [
    { flags: "--from <rate>", description: "the first, lowest rate", default: String(LEARNING_RATE_SEARCH.from) },
    { flags: "--to <rate>", description: "the last, highest rate", default: String(LEARNING_RATE_SEARCH.to) },
    {
      flags: "--steps <n>",
      description: "steps of training, each with a higher rate",
      default: String(LEARNING_RATE_SEARCH.steps),
    },
    { flags: "--batch-size <n>", description: "images a step", default: "the recipe's; for few images smaller" },
    { flags: "--seed <n>", description: "of all random numbers", default: "1" },
    THREADS_OPTION,
    CUSTOM_DATA_OPTION,
    ...PREPARATION_OPTIONS,
    ...BACKBONE_OPTIONS,
    ...FINE_TUNE_OPTIONS,
    LIMIT_OPTION,
    loweringOption("how the network is computed"),
    { flags: "--out <folder>", description: "folder for the figure and the steps as JSON", default: "lr-find" },
  ],
  examples: ["node bin/tailor.js lr-find base", "node bin/tailor.js lr-find photos --data photos --out runs/photos-lr"],
  async run([name], options, output) {
    if (!name) throw new UserError("name a recipe to find a learning rate for", { exitCode: 2 });
    noteRenamed(name, output);
    const { recipe: named, isRangeSupposed } = await recipeTyped(name, options, output);
    const adjustments = { batchSize: wholeNumber(options, "batchSize") };
    const wanted = adjustRecipe(await withWeights(named, options, output), adjustments);
    const search = {
      from: positiveNumber(options, "from") ?? LEARNING_RATE_SEARCH.from,
      to: positiveNumber(options, "to") ?? LEARNING_RATE_SEARCH.to,
      steps: wholeNumber(options, "steps") ?? LEARNING_RATE_SEARCH.steps,
    };
    const seed = wholeNumber(options, "seed", { least: 0 }) ?? 1;
    const limit = wholeNumber(options, "limit") ?? null;
    const out = path(options, "out") ?? "lr-find";
    const loaded = await dataToTrain(options, output, wanted);
    const images = { trainOn: "split", limit } as const;
    // A custom recipe is not adapted to the number of images.
    const given = isBuiltIn(named) ? givenFields(adjustments) : FITTED_FIELDS;
    const fitted = fitToTraining(wanted, loaded.train, { ...images, given });
    const recipe = await withPixelRange({ ...fitted, isRangeSupposed }, loaded, images, options, output);
    const data = trainingData(loaded.train, images);
    const values = await trainingValues(recipe, data, { threads: threads(options), report: output.note });
    const lowering = await chooseLowering(nodeRuntime, options.lowering);
    const { result, interruptedBy } = await whileInterruptible(output.note, (isStopRequested) =>
      findLearningRate(
        {
          recipe,
          data: values,
          normalization: normalizationFor(recipe, data.train),
          initial: pretrainedTensors(recipe, { images: data.train, seed, report: output.note }),
          seed,
          threads: threads(options),
          lowering,
          runtime: nodeRuntime,
        },
        { ...search, isStopRequested },
      ),
    );
    if (interruptedBy !== undefined) return interruptedBy;

    if (result.steps.length === 0) {
      throw new UserError(`the loss is not a number at the rate ${search.from} already; begin with a lower --from`);
    }
    const title = `Recipe ${recipe.name}: loss while the learning rate rises`;
    const note = `${counted(result.steps.length, "step")} of ${counted(recipe.batchSize, "image")}, seed ${seed}`;
    makeFolder(out);
    const files = [join(out, "lr-find.svg"), join(out, "lr-find.png"), join(out, "lr-find.json")] as const;
    const svg = drawSvg(learningRatesFigure, { title, note, ...result });
    writeWholeFile(files[0], svg);
    writeWholeFile(files[1], pngBytes(svg));
    const told = { recipe: recipe.name, seed, batchSize: recipe.batchSize, ...result };
    writeWholeFile(files[2], `${JSON.stringify(told, null, 2)}\n`);
    const isWhole = result.steps.length === search.steps;
    output.say(isWhole ? note : `${note}; there the loss diverged`);
    output.say(
      result.suggestion === null
        ? "no suggestion: the loss does not fall; try other rates with --from and --to, or more --steps"
        : `suggested learning rate: ${result.suggestion.toPrecision(2)} (${recipe.name} has ${recipe.learningRate})`,
    );
    output.say(`figure: ${files[1]}`);
    output.result({ ...told, figure: files[1] });
    return 0;
  },
});
