import { gradients } from "../compile/gradients.ts";
import type { Program, StateTensor } from "../compile/program.ts";
import { claim } from "../graph/origin.ts";
import type { Value } from "../graph/value.ts";
import { buildModel, type ImageTask, type Model, type ModelGraph } from "../nn/model.ts";
import { add, multiply, subtract } from "../ops/elementwise.ts";
import { constant, input } from "../ops/leaves.ts";
import { classTargets, countCorrect, softmaxCrossEntropy } from "../ops/loss.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { type Averaging, averagingShareAt, movingAverage } from "../optim/averaging.ts";
import { clipGradients } from "../optim/clip-gradients.ts";
import type { Optimizer, UpdateResults } from "../optim/optimizer.ts";
import { isGrouped, jointly, type UpdateGrouping, updateParameters } from "../optim/update-parameters.ts";
import { applyLoss, type Loss } from "./own-loss.ts";
import { averageTogether } from "./running-averages.ts";
import type { Tuning } from "./stages.ts";

export interface TrainingProgramOptions {
  readonly task: ImageTask;
  readonly batchSize: number;
  readonly normalization: PixelNormalization;
  readonly optimizer: Optimizer;
  readonly labelSmoothing: number;
  /** Minimised instead of the cross-entropy. */
  readonly loss?: Loss | undefined;
  /** Weight of each class in the objective, [classes]. Default: all 1. */
  readonly classWeights?: readonly number[] | undefined;
  /** The norm to which the gradients of all parameters together are scaled down. Default: they stay. */
  readonly maxGradientNorm?: number | undefined;
  /** Whether batches are mixed (`data/mixing.ts`), so that each image has a second label. */
  readonly isMixed?: boolean;
  /** Weight averaging. Default: none, the last step's weights are used. */
  readonly averaging?: Averaging | undefined;
  /** Which parameters are updated as one long vector. Default: vectors. */
  readonly grouping?: UpdateGrouping;
  /** Which parameters are trained, and how. Default: all, at the same rate. */
  readonly tuning?: Tuning;
}

/** Name of the feed of one of the optimizer's scalars, at a factor of the learning rate. */
export function settingName(setting: string, factor = 1): string {
  return `optimizer.${setting}${factor === 1 ? "" : ` at ${factor}`}`;
}

/** Name of an optimizer's state tensor for a parameter. */
export function slotName(parameter: string, slot: string): string {
  return `${parameter}.${slot}`;
}

/** Name of the state tensor with the average of a parameter or of a running statistic. */
export function averageName(tensor: string): string {
  return `${tensor}.average`;
}

/** Layer name for the joint update, by the parameters that it updates. */
const JOINT_LAYER = { vectors: "vectors", elementwise: "parameters" } as const satisfies Record<UpdateGrouping, string>;

/** Name of the feed with a step's share in the averages. */
const AVERAGING_SHARE = "averaging.share";

/** Feeds of mixed batches: the labels of the images that are mixed in, and the share of the first ones. */
export const MIXING = { labels: "mixing.labels", share: "mixing.share" } as const;

/**
 * The scalar feeds of a step, by name.
 *
 * @param step counted from 1
 */
export function stepSettings(
  {
    optimizer,
    averaging,
    rateFactors = [1],
  }: Pick<TrainingProgramOptions, "optimizer" | "averaging"> & { readonly rateFactors?: readonly number[] | undefined },
  step: number,
  learningRate: number,
): Record<string, number> {
  const settings = rateFactors.flatMap((factor) =>
    Object.entries(optimizer.settingsAt(step, factor * learningRate)).map(
      ([setting, value]) => [settingName(setting, factor), value] as const,
    ),
  );
  return {
    ...Object.fromEntries(settings),
    ...(averaging ? { [AVERAGING_SHARE]: averagingShareAt(averaging, step) } : {}),
  };
}

/**
 * A network's tensors for inference, by name: their averages if there are any.
 *
 * @param tensors all tensors of the training
 */
export function usedTensors(graph: ModelGraph, tensors: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  return new Map(graph.tensors.map(({ name }) => [name, (tensors.get(averageName(name)) ?? tensors.get(name))!]));
}

/**
 * One training step as a program. Feeds: pixels uint8 [batch, C, H, W], labels int32 [batch], dropout masks and the
 * optimizer's scalars, for each factor of the learning rate. State: parameters, optimizer state, running statistics and averages; what is not trained is a parameter of the
 * program, and has no gradient. Outputs: `loss` (mean
 * cross-entropy without smoothing), `objective` (with smoothing, class weights and mixing, or the loss of one's own; this
 * is minimised) and `correct` (number of images).
 * The loss counts as a layer `loss`.
 */
export function trainingProgram(
  model: Model,
  options: TrainingProgramOptions,
): { program: Program; graph: ModelGraph; rateFactors: readonly number[] } {
  const { optimizer, labelSmoothing, classWeights, maxGradientNorm, batchSize, averaging } = options;
  const { isMixed = false, grouping = "vectors", tuning } = options;
  const graph = buildModel(model, { ...options, mode: "training", statistics: tuning?.statistics });
  const trained = graph.parameters.filter(({ name }) => tuning?.isTrained(name) ?? true);
  const labels = input("labels", [batchSize], "int32");
  const mixed = isMixed && { labels: input(MIXING.labels, [batchSize], "int32"), share: input(MIXING.share, []) };
  /** What is linear in the targets: that of mixed targets is the mixture of both. */
  const ofTargets = (of: (target: Value) => Value) =>
    mixed
      ? add(multiply(of(labels), mixed.share), multiply(of(mixed.labels), subtract(constant(1), mixed.share)))
      : of(labels);
  const { logits } = graph;
  const outputs = {
    objective: options.loss
      ? applyLoss(options.loss, {
          logits,
          labels,
          targets: ofTargets((target) => classTargets(target, { classes: logits.shape[1]!, labelSmoothing })),
        })
      : ofTargets((target) =>
          softmaxCrossEntropy(logits, target, { labelSmoothing, ...(classWeights ? { classWeights } : {}) }),
        ),
    loss: softmaxCrossEntropy(logits, labels, { labelSmoothing: 0 }),
    correct: countCorrect(logits, labels),
  };
  const origins = new Map(graph.origins);
  claim(origins, Object.values(outputs), { layer: "loss", pass: "forward" });
  const unclipped = gradients(
    outputs.objective,
    trained.map(({ value }) => value),
    origins,
  );
  const parameterGradients = maxGradientNorm === undefined ? unclipped : clipGradients(unclipped, maxGradientNorm);
  claim(origins, parameterGradients, { layer: "gradient clipping", pass: "update" });
  const claimUpdate = (made: readonly Value[], of: Value) =>
    claim(origins, made, { layer: origins.get(of)!.layer, pass: "update" });

  const updates = trained.map(({ name, value }, i) => {
    const slots: Record<string, Value> = {};
    for (const slot of optimizer.slotsOf(value.shape)) slots[slot] = input(slotName(name, slot), value.shape);
    return { parameter: value, gradient: parameterGradients[i]!, slots };
  });
  const factorOf = new Map(trained.map(({ name, value }) => [value, tuning?.rateOf(name) ?? 1]));
  const rateFactors = [...new Set(factorOf.values())];
  const settings = rateFactors.map((factor) =>
    Object.fromEntries(optimizer.settings.map((setting) => [setting, input(settingName(setting, factor), [])])),
  );
  const updated = new Map<Value, UpdateResults>();
  for (const [f, factor] of rateFactors.entries()) {
    const group = updates.filter(({ parameter }) => factorOf.get(parameter) === factor);
    const results = updateParameters(optimizer, group, settings[f]!, grouping);
    for (const [i, { parameter }] of group.entries()) updated.set(parameter, results[i]!);
  }
  const state: StateTensor[] = trained.flatMap(({ name, value }, i) => {
    const { parameter, slots } = updated.get(value)!;
    const made = [parameter, ...Object.values(slots)];
    // An update of several parameters together belongs to no single layer.
    if (isGrouped(optimizer, value.shape, grouping))
      claim(origins, made, { layer: JOINT_LAYER[grouping], pass: "update" });
    else claimUpdate(made, value);
    return [
      { name, input: value, next: parameter },
      ...Object.entries(updates[i]!.slots).map(([slot, before]) => ({
        name: slotName(name, slot),
        input: before,
        next: slots[slot]!,
        like: name,
      })),
    ];
  });
  const moved = graph.buffers.flatMap(({ name, value, next }) => {
    if (!next && tuning?.statistics === "running") return [];
    if (!next) throw new Error(`buffer ${name} is never updated`);
    return [{ name, value, next }];
  });
  for (const { name, value, next } of grouping === "elementwise" ? averageTogether(moved) : moved) {
    claimUpdate([next], value);
    state.push({ name, input: value, next });
  }
  const share = averaging && input(AVERAGING_SHARE, []);
  if (share) {
    // Running statistics too: to first order, those of averaged weights are the average of the weights' statistics.
    const averaged = state
      .filter(({ like }) => like === undefined)
      .map((tensor) => ({ ...tensor, average: input(averageName(tensor.name), tensor.input.shape) }));
    const averages =
      grouping === "elementwise"
        ? jointly(
            averaged.map(({ average, next }) => [average, next]),
            ([average, next]) => [movingAverage(average!, next!, share)],
          ).flat()
        : averaged.map(({ average, next }) => movingAverage(average, next, share));
    for (const [i, { name, input: value, average }] of averaged.entries()) {
      claimUpdate([averages[i]!], value);
      state.push({ name: averageName(name), input: average, next: averages[i]!, like: name });
    }
  }

  const moving = new Set(state.map(({ name }) => name));
  const program: Program = {
    name: `${model.name} training step`,
    feeds: [
      graph.pixels,
      labels,
      ...(mixed ? [mixed.labels, mixed.share] : []),
      ...graph.masks.map(({ value }) => value),
      ...settings.flatMap((group) => Object.values(group)),
      ...(share ? [share] : []),
    ],
    parameters: graph.tensors.flatMap(({ name, value }) => (moving.has(name) ? [] : [value])),
    state,
    outputs,
    origins,
  };
  return { program, graph, rateFactors };
}
