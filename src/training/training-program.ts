import { gradients } from "../compile/gradients.ts";
import type { Program, StateTensor } from "../compile/program.ts";
import { claim } from "../graph/origin.ts";
import type { Value } from "../graph/value.ts";
import { buildModel, type ImageTask, type Model, type ModelGraph } from "../nn/model.ts";
import { input } from "../ops/leaves.ts";
import { countCorrect, softmaxCrossEntropy } from "../ops/loss.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { type Averaging, averagingShareAt, movingAverage } from "../optim/averaging.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { updateParameters } from "../optim/update-parameters.ts";

export interface TrainingProgramOptions {
  readonly task: ImageTask;
  readonly batchSize: number;
  readonly normalization: PixelNormalization;
  readonly optimizer: Optimizer;
  readonly labelSmoothing: number;
  /** Left out: the weights are used as the last step left them. */
  readonly averaging?: Averaging | undefined;
}

/** The feed of one of the optimizer's scalars. */
export function settingName(setting: string): string {
  return `optimizer.${setting}`;
}

/** The state tensor that an optimizer keeps for a parameter. */
export function slotName(parameter: string, slot: string): string {
  return `${parameter}.${slot}`;
}

/** The state tensor that holds the average of a parameter or of a running statistic. */
export function averageName(tensor: string): string {
  return `${tensor}.average`;
}

/** What the update of biases and batch norm's parameters counts as: they are updated together. */
const VECTORS = "vectors";

/** The feed of a step's share in the averages. */
const AVERAGING_SHARE = "averaging.share";

/**
 * The scalars that a step is fed, by feed.
 *
 * @param step counted from 1
 */
export function stepSettings(
  { optimizer, averaging }: Pick<TrainingProgramOptions, "optimizer" | "averaging">,
  step: number,
  learningRate: number,
): Record<string, number> {
  const settings = Object.entries(optimizer.settingsAt(step, learningRate));
  return {
    ...Object.fromEntries(settings.map(([setting, value]) => [settingName(setting), value])),
    ...(averaging ? { [AVERAGING_SHARE]: averagingShareAt(averaging, step) } : {}),
  };
}

/**
 * The tensors of a network as it is used, by the network's names: their averages where training keeps some.
 *
 * @param tensors all that training keeps
 */
export function usedTensors(graph: ModelGraph, tensors: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  return new Map(graph.tensors.map(({ name }) => [name, (tensors.get(averageName(name)) ?? tensors.get(name))!]));
}

/**
 * One training step as a program: pixels uint8 [batch, C, H, W], labels int32 [batch], dropout masks and the optimizer's
 * scalars in; parameters, optimizer state, running statistics and averages moved on; `loss` (mean cross-entropy without
 * smoothing), `objective` (with smoothing: what is minimised) and `correct` (images) out. The loss counts as a layer `loss`.
 */
export function trainingProgram(
  model: Model,
  options: TrainingProgramOptions,
): { program: Program; graph: ModelGraph } {
  const { optimizer, labelSmoothing, batchSize, averaging } = options;
  const graph = buildModel(model, { ...options, mode: "training" });
  const labels = input("labels", [batchSize], "int32");
  const outputs = {
    objective: softmaxCrossEntropy(graph.logits, labels, { labelSmoothing }),
    loss: softmaxCrossEntropy(graph.logits, labels, { labelSmoothing: 0 }),
    correct: countCorrect(graph.logits, labels),
  };
  const origins = new Map(graph.origins);
  claim(origins, Object.values(outputs), { layer: "loss", pass: "forward" });
  const parameterGradients = gradients(
    outputs.objective,
    graph.parameters.map(({ value }) => value),
    origins,
  );
  const claimUpdate = (made: readonly Value[], of: Value) =>
    claim(origins, made, { layer: origins.get(of)!.layer, pass: "update" });

  const settings: Record<string, Value> = {};
  for (const setting of optimizer.settings) settings[setting] = input(settingName(setting), []);
  const updates = graph.parameters.map(({ name, value }, i) => {
    const slots: Record<string, Value> = {};
    for (const slot of optimizer.slotsOf(value.shape)) slots[slot] = input(slotName(name, slot), value.shape);
    return { parameter: value, gradient: parameterGradients[i]!, slots };
  });
  const updated = updateParameters(optimizer, updates, settings);
  const state: StateTensor[] = graph.parameters.flatMap(({ name, value }, i) => {
    const { parameter, slots } = updated[i]!;
    const made = [parameter, ...Object.values(slots)];
    // Vectors are updated together, for no layer in particular.
    if (value.shape.length === 1) claim(origins, made, { layer: VECTORS, pass: "update" });
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
  for (const { name, value, next } of graph.buffers) {
    if (!next) throw new Error(`buffer ${name} is never updated`);
    claimUpdate([next], value);
    state.push({ name, input: value, next });
  }
  const share = averaging && input(AVERAGING_SHARE, []);
  if (share) {
    // Running statistics too: those of averaged weights are, to first order, the average of the weights' own.
    for (const { name, input: value, next } of state.filter(({ like }) => like === undefined)) {
      const average = input(averageName(name), value.shape);
      const moved = movingAverage(average, next, share);
      claimUpdate([moved], value);
      state.push({ name: averageName(name), input: average, next: moved, like: name });
    }
  }

  const program: Program = {
    name: `${model.name} training step`,
    feeds: [
      graph.pixels,
      labels,
      ...graph.masks.map(({ value }) => value),
      ...Object.values(settings),
      ...(share ? [share] : []),
    ],
    state,
    outputs,
    origins,
  };
  return { program, graph };
}
