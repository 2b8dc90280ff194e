import type { LoadedData } from "../../data/node/chain.ts";
import { UserError } from "../../errors.ts";
import { EVALUATION_SPLITS, type EvaluationSplit } from "../../evaluation/node/evaluate-run.ts";
import type { SeedlessRun } from "../../experiments/planned-run.ts";
import { adjustRecipe, KEEP, type RecipeAdjustments, SAMPLING } from "../../recipes/adjust-recipe.ts";
import { FITTED_FIELDS, fitToTraining } from "../../recipes/fit-to-images.ts";
import { isBuiltIn, RECIPES } from "../../recipes/index.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { openTrainingRun, type Run } from "../../runs/node/run-files.ts";
import { defaultRunPath } from "../../runs/node/run-status.ts";
import type { RunRecord } from "../../runs/run-record.ts";
import type { Device, DeviceChoice } from "../../runtime/webgpu/device.ts";
import { growRun, requireGrowable } from "../../training/node/grow-run.ts";
import type { TrainedRun, TrainRunOptions } from "../../training/node/train-into.ts";
import { extendRun, type ResumeOptions, resumeRun, trainNewRun } from "../../training/node/train-run.ts";
import { trainingTrial } from "../../training/node/training-trial.ts";
import { BACKBONE_OPTIONS, recipeTyped, withPixelRange, withWeightDecay } from "../backbone.ts";
import { defineCommand, type OptionSpec, type OptionsOf } from "../command.ts";
import { DEVICE_OPTION, LIMIT_OPTION, loweringOption, THREADS_OPTION } from "../common-options.ts";
import {
  CUSTOM_DATA_OPTION,
  dataOfRun,
  dataToTrain,
  grownData,
  PREPARATION_OPTIONS,
  typedPreparation,
} from "../custom-data.ts";
import { chosenDevice } from "../device.ts";
import { DISTRIBUTION_OPTIONS, distributionTyped } from "../distribution.ts";
import { FINE_TUNE_NAMES, FINE_TUNE_OPTIONS, withWeights } from "../fine-tuning.ts";
import { whileInterruptible } from "../interrupt.ts";
import { noteUnverified } from "../named-runs.ts";
import type { Output } from "../output.ts";
import { folds, path, positiveNumber, threads, wholeNumber } from "../parse.ts";
import { noteRenamed, RECIPE_DESCRIPTION } from "../recipe-argument.ts";
import { trainRepeatedly } from "../train-repeatedly.ts";
import { sayTrained } from "../trained-run.ts";
import { startLine, trainingDisplay } from "../training-display.ts";
import { commandLine, flag } from "../wording.ts";

const TRAIN_ON = ["split", "all"] as const;

/** Options that a resumed run takes from its record, and that cannot be given again. */
const FIXED_BY_RUN = [
  "epochs",
  "batchSize",
  "lr",
  "seed",
  "seeds",
  "folds",
  "limit",
  "trainOn",
  "out",
  "patience",
  "keep",
  "classWeights",
  "sampling",
  "maxGradientNorm",
  "backbone",
  "backboneRange",
  "backbonePooling",
  "hidden",
  "views",
  ...FINE_TUNE_NAMES,
] as const;

const OPTIONS = [
  {
    flags: "--epochs <n>",
    description: "passes over the training images",
    default: "the recipe's; for few images more, 300 steps or more",
  },
  { flags: "--batch-size <n>", description: "images a step", default: "the recipe's; for few images smaller" },
  { flags: "--lr <rate>", description: "the highest learning rate of the schedule", default: "the recipe's" },
  {
    flags: "--class-weights <weights>",
    description: "of the loss, for classes of unequal size: balanced, none, or a number for each class (1,2.5,1)",
    default: "the recipe's; tailor's have none",
  },
  {
    flags: "--sampling <how>",
    description: "balanced draws every class equally often; shuffled every image once an epoch",
    choices: SAMPLING,
    default: "the recipe's; of tailor's shuffled",
  },
  {
    flags: "--max-gradient-norm <norm>",
    description: "gradient clipping: the largest norm of the gradients of all parameters together",
    default: "the recipe's; tailor's have none",
  },
  {
    flags: "--patience <n>",
    description: "early stopping: end after so many epochs without a better validation accuracy",
    default: "the recipe's; tailor's have none",
  },
  {
    flags: "--keep <epoch>",
    description: "whose weights the run has: those of the last epoch, or of the best by validation accuracy",
    choices: KEEP,
    default: "the recipe's; of tailor's last",
  },
  { flags: "--seed <n>", description: "of all random numbers; same seed, same weights", default: "1" },
  {
    flags: "--seeds <n>",
    description: "train with seeds 1 to n, each into a folder of its own in --out; the same command goes on",
  },
  {
    flags: "--folds <k>",
    description:
      "stratified k-fold cross-validation: train k times, each fold validates once, each run in a folder of its own in --out",
  },
  THREADS_OPTION,
  CUSTOM_DATA_OPTION,
  ...PREPARATION_OPTIONS,
  ...BACKBONE_OPTIONS,
  ...FINE_TUNE_OPTIONS,
  LIMIT_OPTION,
  {
    flags: "--train-on <images>",
    description: "split: keep some for validation (a twelfth; of pictures a tenth, or those in val); all: none",
    choices: TRAIN_ON,
    default: "split",
  },
  { flags: "--out <folder>", description: "the run's folder", default: "runs/<recipe>-<time>" },
  { flags: "--resume <run>", description: "go on with an interrupted run" },
  {
    flags: "--extend <run>",
    description:
      "go on with a finished run to more epochs in all (--epochs), as another run; or with more pictures or classes (--data, without --epochs)",
  },
  { flags: "--allow-different", description: "resume or extend even under another lowering or ONNX Runtime" },
  loweringOption("how the network is computed"),
  DEVICE_OPTION,
  { flags: "--tensorboard", description: "write loss, accuracy, rate and speed of each epoch for TensorBoard too" },
  {
    flags: "--evaluate <split>",
    description: "evaluate at the end; seeds or folds that were tested before are again, unless it says otherwise",
    choices: EVALUATION_SPLITS,
  },
  { flags: "--skip-report", description: "make no report.html at the end (docs/report.md)" },
  ...DISTRIBUTION_OPTIONS,
  { flags: "--profile", description: "at the end, do the first steps once more and show where their time goes" },
] as const satisfies readonly OptionSpec[];
export type TrainOptions = OptionsOf<typeof OPTIONS>;

export const train = defineCommand({
  name: "train",
  arguments: [{ name: "[recipe]", description: RECIPE_DESCRIPTION }],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js train base --evaluate test",
    "node bin/tailor.js train base --epochs 5 --lr 3e-3 --seed 2 --out runs/try",
    "node bin/tailor.js train --resume runs/try",
    "node bin/tailor.js train base --seeds 5 --evaluate test --out runs/base-5",
    "node bin/tailor.js train photos --data photos --folds 5 --out runs/photos-folds",
    "node bin/tailor.js train ./my-recipe.mjs",
    "node bin/tailor.js train photos --data photos --out runs/photos",
    "node bin/tailor.js train resnet18-imagenet --weights resnet18.safetensors --data photos --size 224",
  ],
  async run([recipeName], options, output) {
    noteRenamed(recipeName, output);
    const split = options.evaluate;
    requireImagesOf(split, options.trainOn);
    const isNew = options.resume === undefined && options.extend === undefined;
    if (isNew && (options.seeds !== undefined || options.folds !== undefined)) {
      return trainRepeatedly(await newRun(recipeName, options, output), { options, split }, output);
    }
    requireRepeated(options);
    const { loadData, begin } = await jobOf(recipeName, options, output);
    const data = await loadData(output);
    const job = await begin(data);
    const device = await chosenDevice(job.device, job.trial, output);
    if (device.runtime.gpu && options.profile === true) {
      throw new UserError("--profile shows the processor's work; leave it out, or use --device cpu", { exitCode: 2 });
    }
    const display = trainingDisplay(output, job.epochs);
    const { result: trained, interruptedBy } = await whileInterruptible(output.note, async (isInterrupted) => {
      try {
        return await job.start({
          data,
          threads: threads(options),
          lowering: options.lowering,
          runtime: device.runtime,
          tensorboard: options.tensorboard === true,
          report: output.note,
          hooks: { onStep: display.step, onEpoch: display.epoch, isStopRequested: isInterrupted },
          onStart: (folder, record, from) => {
            output.note(startLine(record, from));
            output.note(`run folder: ${folder}`);
          },
        });
      } finally {
        display.clear();
      }
    });
    if (!trained.isFinished) {
      const again = commandLine("train", { resume: trained.folder, data: options.data });
      output.note(`stopped at step ${trained.step}; go on with: ${again}`);
      return interruptedBy;
    }
    const isProfiled = options.profile === true;
    const isReported = options.skipReport !== true;
    const { openModel } = device;
    return sayTrained(trained, { data, split, threads: threads(options), openModel, isProfiled, isReported }, output);
  },
});

/** @throws UserError when nothing is left to evaluate on: before the training, not after it. @param named the run, if not new */
function requireImagesOf(split: EvaluationSplit | undefined, trainOn: TrainOptions["trainOn"], named?: string): void {
  if (split !== "validation" || trainOn !== "all") return;
  throw new UserError(
    named === undefined
      ? "--train-on all keeps no images for validation; use --evaluate test, or leave out --train-on"
      : `${named} is trained on all images and keeps none for validation; use --evaluate test`,
    { exitCode: 2 },
  );
}

/** @throws UserError when one run is to be distributed */
function requireRepeated(options: TrainOptions): void {
  const given = distributionTyped(options);
  if (given === undefined) return;
  throw new UserError(`${flag(given)} divides several runs; give --seeds or --folds too, or leave it out`, {
    exitCode: 2,
  });
}

/** What is typed is checked before the data are read; what is trained may follow from them. */
interface Job {
  readonly loadData: (output: Output) => Promise<LoadedData>;
  readonly begin: (data: LoadedData) => Promise<{
    readonly epochs: number;
    readonly device: DeviceChoice;
    /** Milliseconds that a device takes for a step. */
    readonly trial: (device: Device) => Promise<number>;
    readonly start: (options: TrainRunOptions) => Promise<TrainedRun>;
  }>;
}

async function jobOf(recipeName: string | undefined, options: TrainOptions, output: Output): Promise<Job> {
  const [interrupted, finished] = [path(options, "resume"), path(options, "extend")];
  if (interrupted !== undefined && finished !== undefined) {
    throw new UserError("--resume is for interrupted runs, --extend for finished ones; leave one out", { exitCode: 2 });
  }
  if (finished !== undefined) return extendJob(recipeName, finished, options);
  return interrupted === undefined ? newJob(recipeName, options, output) : resumeJob(recipeName, interrupted, options);
}

async function newJob(recipeName: string | undefined, options: TrainOptions, output: Output): Promise<Job> {
  const { recipe, runOn } = await newRun(recipeName, options, output);
  const seed = wholeNumber(options, "seed", { least: 0 }) ?? 1;
  return {
    loadData: () => dataToTrain(options, output, recipe),
    async begin(data) {
      const run = await runOn(data);
      const out = path(options, "out") ?? defaultRunPath(run.recipe.name, new Date());
      return {
        epochs: run.recipe.epochs,
        device: options.device ?? "cpu",
        trial: trainingTrial(run, data, threads(options)),
        start: (trainOptions) => trainNewRun({ ...run, seed, out }, trainOptions),
      };
    },
  };
}

/** A new run without its seed: its recipe is known before the data, but for what is adapted to them. */
export interface PlannedTraining {
  readonly recipe: Recipe;
  readonly runOn: (data: LoadedData) => Promise<SeedlessRun>;
}

async function newRun(recipeName: string | undefined, options: TrainOptions, output: Output): Promise<PlannedTraining> {
  if (recipeName === undefined) {
    throw new UserError(
      `name a recipe to train (${RECIPES.map(({ name }) => name).join(", ")}), the file of one, or a run with --resume`,
      { exitCode: 2 },
    );
  }
  if (options.allowDifferent === true)
    throw new UserError("--allow-different only goes with --resume and --extend", { exitCode: 2 });
  const { recipe: named, recipeFile, isRangeSupposed } = await recipeTyped(recipeName, options, output);
  const recipe = adjusted(await withWeights(named, options, output), options);
  const images = {
    trainOn: options.trainOn ?? "split",
    limit: wholeNumber(options, "limit") ?? null,
  };
  const of = folds(options);
  // Each fold is as large as the first, to within one image.
  const split = { ...images, ...(of === undefined ? {} : { fold: { number: 1, of } }) };
  // A custom recipe is not adapted to the number of images.
  const given = isBuiltIn(named) ? FITTED_FIELDS.filter((field) => options[field] !== undefined) : FITTED_FIELDS;
  return {
    recipe,
    async runOn(data) {
      const fitted = fitToTraining(recipe, data.train, { ...split, given });
      const ranged = await withPixelRange({ ...fitted, isRangeSupposed }, data, split, options, output);
      return {
        ...fitted,
        recipe: await withWeightDecay(ranged, data, split, options, output),
        recipeFile,
        ...images,
      };
    },
  };
}

/** @throws UserError when options are typed that the run determines, except for `but` */
function requireAsBegun(
  option: "resume" | "extend",
  recipeName: string | undefined,
  options: TrainOptions,
  but: readonly (typeof FIXED_BY_RUN)[number][] = [],
): void {
  const fixed = FIXED_BY_RUN.filter((name) => options[name] !== undefined && !but.includes(name));
  const given = [...fixed.map(flag), ...typedPreparation(options)];
  if (given.length === 0 && recipeName === undefined) return;
  const what = recipeName === undefined ? given : ["the recipe"];
  throw new UserError(`${flag(option)} goes on as the run began; leave out ${what.join(", ")}, or start a new run`, {
    exitCode: 2,
  });
}

function extendJob(recipeName: string | undefined, finished: string, options: TrainOptions): Job {
  const grows = options.epochs === undefined && options.data !== undefined;
  // Of the pictures that were added some may be unreadable; the run's own are as they were.
  requireAsBegun("extend", recipeName, grows ? { ...options, skipUnreadable: undefined } : options, ["epochs", "out"]);
  const epochs = wholeNumber(options, "epochs");
  if (epochs === undefined && !grows) {
    throw new UserError(
      "--extend needs --epochs: their number in all, more than the run has; or --data: the run's pictures with others added",
      { exitCode: 2 },
    );
  }
  const run = openTrainingRun(finished);
  const out = path(options, "out") ?? defaultRunPath(run.record.recipeName, new Date());
  if (epochs === undefined) {
    requireGrowable(run);
    const start = (resumeOptions: ResumeOptions) => growRun(run, { out }, resumeOptions);
    return {
      ...jobOnRun(run, options, { epochs: run.record.epochs, start }),
      loadData: (output) => {
        noteUnverified([run], output);
        return grownData(run, options, output);
      },
    };
  }
  return jobOnRun(run, options, { epochs, start: (resumeOptions) => extendRun(run, { epochs, out }, resumeOptions) });
}

function resumeJob(recipeName: string | undefined, path: string, options: TrainOptions): Job {
  requireAsBegun("resume", recipeName, options);
  const run = openTrainingRun(path);
  const { epochs } = run.record;
  return jobOnRun(run, options, { epochs, start: (resumeOptions) => resumeRun(run, resumeOptions) });
}

/** Goes on with a run: on its data, and on its device unless another is asked for. */
function jobOnRun(
  run: Run<RunRecord>,
  options: TrainOptions,
  { epochs, start }: { epochs: number; start: (options: ResumeOptions) => Promise<TrainedRun> },
): Job {
  const { device } = options;
  requireImagesOf(options.evaluate, run.record.trainOn, run.path);
  const allowDifferent = options.allowDifferent === true;
  return {
    loadData: (output) => {
      noteUnverified([run], output);
      return dataOfRun(run, options, output);
    },
    begin: async () => ({
      epochs,
      // The device is part of what the run began with: nothing is left to be tried.
      device: device === undefined || device === "auto" ? (run.record.gpu ? "gpu" : "cpu") : device,
      trial: async () => 0,
      start: (trainOptions) => start({ ...trainOptions, allowDifferent }),
    }),
  };
}

/** The recipe with what the options change. */
function adjusted(recipe: Recipe, options: TrainOptions): Recipe {
  const { keep, sampling } = options;
  return adjustRecipe(recipe, {
    keep,
    sampling,
    patience: wholeNumber(options, "patience"),
    maxGradientNorm: positiveNumber(options, "maxGradientNorm"),
    classWeights: typedClassWeights(options),
    epochs: wholeNumber(options, "epochs"),
    batchSize: wholeNumber(options, "batchSize"),
    learningRate: positiveNumber(options, "lr"),
  });
}

/** The class weights that are typed. */
function typedClassWeights({ classWeights: typed }: TrainOptions): RecipeAdjustments["classWeights"] {
  if (typed === undefined || typed === "none" || typed === "balanced") return typed;
  const weights = typed.split(",").map((word) => (word.trim() === "" ? Number.NaN : Number(word)));
  if (weights.every((weight) => weight > 0 && weight < Number.POSITIVE_INFINITY)) return weights;
  throw new UserError(
    `--class-weights must be balanced, none, or a number above 0 for each class (1,2.5,1); got ${typed}`,
    { exitCode: 2 },
  );
}
