import { compile } from "../compile/compile.ts";
import type { Lowering, Program } from "../compile/program.ts";
import { stepsIn, trainingBatches } from "../data/batches.ts";
import { classWeightsOf } from "../data/class-balance.ts";
import { imageTask, type LabelledData } from "../data/training-data.ts";
import { fitConfidence, type LabelledLogits, MIN_CONFIDENCE_IMAGES } from "../evaluation/confidence.ts";
import { allLogits, evaluationBatchSize, evaluationProgram, metricsOfLogits } from "../evaluation/evaluate.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { ConfidenceFit } from "../formats/network-facts.ts";
import { sizeOf } from "../graph/shape.ts";
import { initialTensors, type ModelGraph } from "../nn/model.ts";
import { inputName } from "../ops/leaves.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { createOptimizer } from "../optim/index.ts";
import { learningRateAt } from "../optim/schedules.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { MAX_CONFUSION_CLASSES, type MetricsLine } from "../runs/metrics.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { settledNetwork } from "./batch-statistics.ts";
import { type BestEpoch, isBetter, isStopping, needsBestEpoch, requireValidation } from "./best-epoch.ts";
import { DivergedError } from "./diverged.ts";
import { callHook, type HookAnswer } from "./hooks.ts";
import type { TrainingFunctions } from "./own-functions.ts";
import { requireUnweighted } from "./own-loss.ts";
import { checkMetrics, computeMetrics, type Metrics } from "./own-metrics.ts";
import { advance, epochMeans, progressAt, START, type TrainingPosition, type TrainingProgress } from "./progress.ts";
import { type Stage, stageAt, trainingStages } from "./stages.ts";
import { type StepFeeds, stepFeeds } from "./step-feeds.ts";
import { trainingProgram, usedTensors } from "./training-program.ts";

/** Everything that determines a training, and the engine that runs it. */
export interface TrainingJob {
  readonly recipe: Recipe;
  readonly data: LabelledData;
  readonly normalization: PixelNormalization;
  readonly seed: number;
  readonly threads: number;
  readonly lowering: Lowering;
  readonly runtime: Runtime;
  /** Loss, augmentation and metrics of one's own. */
  readonly functions?: TrainingFunctions | undefined;
  /** Steps per engine run; does not affect the result. Default: as many as take two seconds, at most 16. */
  readonly stepsPerCall?: number | undefined;
  /** The weights that the recipe starts from (`pretrained`), by name; a tensor that is missing is drawn. */
  readonly initial?: ReadonlyMap<string, Float32Array> | undefined;
}

/**
 * Everything needed to resume: parameters, optimizer state, running statistics and averages by name, and the position.
 */
export interface TrainingSnapshot {
  readonly tensors: ReadonlyMap<string, Float32Array>;
  readonly position: TrainingPosition;
  /** The best epoch so far, if the recipe needs it. */
  readonly best?: BestEpoch | undefined;
}

/** Metrics of a finished epoch, as in `metrics.jsonl`. */
export type EpochResult = MetricsLine;

/** Callbacks during training, which waits for those that are async. One that throws ends it with a UserError. */
export interface TrainingHooks {
  /** Called after each run of the engine, which may include several steps. "stop" stops training. */
  readonly onStep?: (progress: TrainingProgress) => HookAnswer;
  /** Called after each epoch, with a snapshot to resume from. "stop" stops training. */
  readonly onEpoch?: (result: EpochResult, snapshot: TrainingSnapshot) => HookAnswer;
  /** Called after each run of the engine: true stops training. */
  readonly isStopRequested?: () => boolean;
}

/** Result of a training. */
export interface TrainingOutcome {
  /** Whether all steps were done, or early stopping ended it; if not, training can be resumed from the snapshot. */
  readonly isFinished: boolean;
  readonly snapshot: TrainingSnapshot;
  /** The epoch whose weights are kept, for recipes that keep the best. */
  readonly kept?: EpochResult | undefined;
  /**
   * The network's tensors for inference, of the last or the best epoch: averages if the recipe has averaging. After a training of few steps the
   * running statistics are re-estimated over the training images (`settledNetwork`).
   */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** How probabilities follow from logits; undefined when unfinished, and where `fitConfidence` fits none. */
  readonly confidence?: ConfidenceFit | undefined;
  readonly graph: ModelGraph;
}

/**
 * Trains a network: the training loop of command line, server and browser.
 *
 * @param from snapshot of an interrupted run; by default training starts at the first step
 * @throws DivergedError when the loss becomes non-finite; UserError when the batch is larger than the data, the recipe
 *   freezes layers that the network does not have, or a function or callback of one's own fails
 */
export async function train(
  job: TrainingJob,
  hooks: TrainingHooks = {},
  from?: TrainingSnapshot,
): Promise<TrainingOutcome> {
  const { recipe, data, functions = {} } = job;
  requireInitial(job, from);
  requireValidation(recipe, data.validation);
  checkMetrics(functions.metrics, data.validation);
  const stages = trainingStages(recipe, imageTask(data.train));
  const stepsOf = (epochs: number) => stepsIn(epochs, data.train.count, recipe.batchSize);
  let position = from?.position ?? START;
  let stage = stageAt(stages, position.step, stepsOf);
  let training = await openTraining(job, stage);
  const { graph } = training;
  const validation = await openValidation(job);
  const network = settledNetwork(graph, {
    ...{ ...job, ...recipe, images: data.train },
    isPretrained: recipe.pretrained !== undefined,
  });
  try {
    // A stage begins with an optimizer of its own; only the network goes on.
    if (from && position.step > stepsOf(stage.start)) training.load(from.tensors);
    else training.begin(from?.tensors);
    const totalSteps = stepsOf(recipe.epochs);
    const rateAt = (step: number) => {
      const start = stepsOf(stage.start);
      return learningRateAt(recipe.schedule, recipe.learningRate, {
        step: step - start,
        totalSteps: stepsOf(stage.end) - start,
        stepsPerEpoch: data.train.count / recipe.batchSize,
      });
    };
    let epoch = epochAt(position.step, stepsOf);
    let steps = job.stepsPerCall ?? 1;
    let isStopped = false;
    let best = from?.best;
    const isDone = () => position.step >= totalSteps || isStopping(recipe, epoch - 1, best?.result);

    while (!isDone() && !isStopped) {
      if (position.step >= stepsOf(stage.end)) {
        const tensors = await training.save();
        await training.session.release();
        stage = stageAt(stages, position.step, stepsOf);
        training = await openTraining(job, stage);
        training.begin(tensors);
      }
      const { session, feeds } = training;
      const started = performance.now();
      const rates = range(position.step, Math.min(position.step + steps, stepsOf(epoch))).map(rateAt);
      const outputs = await session.run(feeds.fill(position.step, rates), rates.length);
      const seconds = (performance.now() - started) / 1000 / rates.length;
      for (const [i, loss] of outputs.loss!.entries()) {
        const place = { step: position.step + 1, epoch, recipe };
        requireFinite("the loss", loss, place);
        if (functions.loss) requireFinite("the result of the function `loss`", outputs.objective![i]!, place);
        position = advance(position, { loss, correct: outputs.correct![i]!, seconds });
      }
      const learningRate = rates.at(-1)!;
      const progress = progressAt(position, { recipe, epoch, totalSteps, learningRate });
      let isStopWanted = await callHook("onStep", () => hooks.onStep?.(progress));
      steps = job.stepsPerCall ?? stepsPerCallFor(seconds);

      if (position.step === stepsOf(epoch)) {
        const tensors = await training.save();
        const place = { step: position.step, epoch, recipe };
        for (const [name, values] of tensors) {
          requireFinite(`a number of ${name}`, values.find((value) => !Number.isFinite(value)) ?? 0, place);
        }
        const used = validation && (await network.after(position.step, tensors));
        const validated = used && (await validation.run(used));
        requireFinite("the validation loss", validated?.loss ?? 0, place);
        const result = {
          ...epochMeans(position, recipe.batchSize),
          epoch,
          step: position.step,
          learningRate,
          validationLoss: validated?.loss ?? null,
          validationAccuracy: validated?.accuracy ?? null,
          seconds: position.seconds,
          ...(validated && data.train.classNames.length <= MAX_CONFUSION_CLASSES
            ? { validationConfusion: validated.confusion }
            : {}),
          ...(validated && functions.metrics && Object.keys(functions.metrics).length > 0
            ? { metrics: metricsOf(functions.metrics, validated, data.train.classNames, epoch) }
            : {}),
        };
        position = { ...position, epoch: START.epoch };
        epoch++;
        if (needsBestEpoch(recipe) && isBetter(result, best?.result)) {
          best = { result, tensors: recipe.keep === "best" ? used : undefined };
        }
        const snapshot = { tensors, position, best };
        if (await callHook("onEpoch", () => hooks.onEpoch?.(result, snapshot))) isStopWanted = true;
      }
      isStopped = isStopWanted || (hooks.isStopRequested?.() ?? false);
    }
    const snapshot = { tensors: await training.save(), position, best };
    const isFinished = isDone();
    const tensors = isFinished
      ? (best?.tensors ?? (await network.after(position.step, snapshot.tensors)))
      : usedTensors(graph, snapshot.tensors);
    const isEnough = data.validation !== null && data.validation.count >= MIN_CONFIDENCE_IMAGES;
    const confidence =
      isFinished && validation && isEnough ? fitConfidence(await validation.logits(tensors)) : undefined;
    return { isFinished, snapshot, tensors, confidence, graph, kept: best?.tensors && best.result };
  } finally {
    await training.session.release();
    await network.release();
    await validation?.release();
  }
}

/** An opened training: a session that does steps, and what they are fed with. The caller releases the session. */
interface OpenTraining {
  readonly session: Session;
  readonly graph: ModelGraph;
  readonly feeds: StepFeeds;
  /** Loads the network to begin the stage with, by default its initial values; optimizer state and averages are zero. */
  readonly begin: (network?: ReadonlyMap<string, Float32Array>) => void;
  /** Loads all tensors of a training within the stage. */
  readonly load: (tensors: ReadonlyMap<string, Float32Array>) => void;
  /** All tensors of the training, those that it does not train included. */
  readonly save: () => Promise<Map<string, Float32Array>>;
}

/**
 * Opens a training's step.
 *
 * @param given its stage; default: the last one, of all layers
 * @throws UserError when the batch is larger than the data, or the recipe freezes layers that the network does not have
 */
export async function openTraining(job: TrainingJob, given?: Stage): Promise<OpenTraining> {
  const { recipe, data, seed, initial } = job;
  const task = imageTask(data.train);
  const stage = given ?? trainingStages(recipe, task).at(-1)!;
  const optimizer = createOptimizer(recipe.optimizer);
  const batches = trainingBatches({
    set: data.train,
    batchSize: recipe.batchSize,
    seed,
    // A backbone's features are of images that were augmented before.
    augmentation: recipe.backbone ? {} : recipe.augmentation,
    augment: job.functions?.augment,
    sampling: recipe.sampling,
  });
  const isMixed = recipe.augmentation.mixing !== undefined;
  const loss = job.functions?.loss;
  requireUnweighted(loss, recipe);
  const { program, graph, rateFactors } = trainingProgram(recipe.model, {
    ...recipe,
    ...job,
    task,
    optimizer,
    classWeights: recipe.classWeights && classWeightsOf(data.train, recipe.classWeights),
    isMixed,
    loss,
    grouping: job.lowering.kind === "gpu" ? "elementwise" : "vectors",
    tuning: stage.tuning,
  });
  const session = await job.runtime.open(compile(program, job.lowering), job);
  const fixed = new Map<string, Float32Array>();
  const load = (tensors: ReadonlyMap<string, Float32Array>) => {
    session.load(tensors);
    for (const value of program.parameters ?? []) fixed.set(inputName(value), tensors.get(inputName(value))!);
  };
  return {
    session,
    graph,
    feeds: stepFeeds({
      ...{ graph, batches, optimizer, isMixed, seed, rateFactors },
      averaging: recipe.averaging,
      stageStart: batches.steps(stage.start),
    }),
    begin(network) {
      const own = network ?? new Map([...initialTensors(graph, seed), ...(initial ?? [])]);
      load(new Map([...zeroTensors(program), ...graph.tensors.map(({ name }) => [name, own.get(name)!] as const)]));
    },
    load,
    save: async () => new Map([...fixed, ...(await session.save())]),
  };
}

/** @throws Error when a training that starts from pretrained weights was not given them: drawn ones would go unnoticed */
export function requireInitial({ recipe, initial }: TrainingJob, from?: TrainingSnapshot): void {
  if (recipe.pretrained && !initial && !from)
    throw new Error(`recipe ${recipe.name} starts from ${recipe.pretrained.file}, whose tensors are not given`);
}

/** The values of metrics of one's own after an epoch. */
function metricsOf(
  metrics: Metrics,
  { predictions: { probabilities, labels } }: ClassificationMetrics,
  classNames: readonly string[],
  epoch: number,
): Record<string, number> {
  return computeMetrics(metrics, { probabilities, labels, classNames }, `epoch ${epoch}`);
}

/** The epoch, from 1, that the step after `step` belongs to. */
function epochAt(step: number, stepsOf: (epochs: number) => number): number {
  let epoch = 1;
  while (step >= stepsOf(epoch)) epoch++;
  return epoch;
}

/** A program's state before its first step, but for the network. */
function zeroTensors({ state }: Program): (readonly [string, Float32Array])[] {
  return state.map(({ name, input }) => [name, new Float32Array(sizeOf(input.shape))]);
}

/** Maximum number of steps per engine run: more would save little overhead and need larger feeds. */
export const MAX_STEPS_PER_CALL = 16;

/** Target duration of an engine run, which cannot be interrupted. */
const SECONDS_PER_CALL = 2;

function stepsPerCallFor(secondsPerStep: number): number {
  return Math.max(1, Math.min(MAX_STEPS_PER_CALL, Math.floor(SECONDS_PER_CALL / secondsPerStep)));
}

/** The integers from `start` to before `end`. */
function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

function requireFinite(
  what: string,
  value: number,
  { step, epoch, recipe }: { step: number; epoch: number; recipe: Recipe },
): void {
  if (Number.isFinite(value)) return;
  throw new DivergedError(
    (w) =>
      `training diverged: ${what} became ${value} at step ${step} (epoch ${epoch}). Try a lower learning rate (${w.option("learningRate")}, now ${recipe.learningRate}), or a schedule that warms up`,
  );
}

/** Opens a second session for validation after each epoch; undefined without validation images. */
async function openValidation({ recipe, data, normalization, lowering, runtime, threads }: TrainingJob) {
  const { validation } = data;
  if (!validation) return undefined;
  const batchSize = evaluationBatchSize(validation, validation.count);
  const program = evaluationProgram(recipe.model, { task: imageTask(validation), batchSize, normalization });
  const session: Session = await runtime.open(compile(program, lowering), { threads });
  const logitsOf = async (pixels: Uint8Array | Float32Array) => (await session.run({ pixels })).logits!;
  // The last epoch's weights are those of the end, usually.
  let last: { readonly tensors: ReadonlyMap<string, Float32Array>; readonly logits: Float32Array } | undefined;
  const logits = async (tensors: ReadonlyMap<string, Float32Array>): Promise<LabelledLogits> => {
    if (last?.tensors !== tensors) {
      session.load(tensors);
      last = { tensors, logits: await allLogits(validation, logitsOf, batchSize) };
    }
    return { logits: last.logits, labels: validation.labels };
  };
  return {
    logits,
    run: async (tensors: ReadonlyMap<string, Float32Array>) =>
      metricsOfLogits(validation, (await logits(tensors)).logits),
    release: () => session.release(),
  };
}
