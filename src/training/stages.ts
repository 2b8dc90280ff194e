import { UserError } from "../errors.ts";
import { headTensors } from "../nn/head.ts";
import { buildModel, type ImageTask, type TensorDeclaration, withoutNormalization } from "../nn/model.ts";
import type { FineTune } from "../recipes/fine-tune.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** Which of a network's parameters a step trains, and how. */
export interface Tuning {
  /** Whether a parameter is trained; the others have no gradient. */
  isTrained(parameter: string): boolean;
  /** Factor of the learning rate for a parameter. */
  rateOf(parameter: string): number;
  /** What batch norm normalises by: the batch's statistics, or the running ones, which then stay. */
  readonly statistics: "batch" | "running";
}

/** A part of a training with a step of its own: fine-tuning has two, any other training one. */
export interface Stage {
  /** Epochs before it. */
  readonly start: number;
  /** Epochs until its end. */
  readonly end: number;
  readonly tuning: Tuning;
}

const EVERYTHING: Tuning = { isTrained: () => true, rateOf: () => 1, statistics: "batch" };

/**
 * The stages of a training, in order: of fine-tuning the head's epochs, then those of all layers.
 *
 * @throws UserError (exit code 2) when a name of frozen layers is none of the network's, or nothing is left to train
 */
export function trainingStages(
  { model, epochs, fineTune }: Pick<Recipe, "model" | "epochs" | "fineTune">,
  task: ImageTask,
): readonly [Stage, ...Stage[]] {
  if (!fineTune) return [{ start: 0, end: epochs, tuning: EVERYTHING }];
  const { headEpochs = 0, frozen = [], batchNorm } = fineTune;
  const normalization = withoutNormalization(task);
  const { parameters } = buildModel(model, { task, batchSize: 1, mode: "inference", normalization });
  const names = parameters.map(({ name }) => name);
  for (const layers of frozen) requireLayersNamed(layers, names);
  const isFrozen = (name: string) => frozen.some((layers) => isIn(name, layers));
  const head = new Set(headTensors(model, task));
  const isHead = (name: string) => head.has(name);
  const statistics = batchNorm === "frozen" ? "running" : "batch";
  const all = {
    isTrained: (name: string) => !isFrozen(name),
    rateOf: rates(parameters, isHead, fineTune),
    statistics,
  } as const;
  const headOnly = { ...all, isTrained: (name: string) => isHead(name) && !isFrozen(name), rateOf: () => 1 };
  const stages = [
    { start: 0, end: headEpochs, tuning: headOnly },
    { start: headEpochs, end: epochs, tuning: all },
  ].filter(({ start, end }) => end > start);
  for (const { tuning } of stages) {
    if (names.some(tuning.isTrained)) continue;
    const [what, remedy] =
      tuning === headOnly && names.some(all.isTrained)
        ? ["the head", "leave the head out of frozen, or train it for 0 epochs alone"]
        : ["every layer", "leave some out of frozen"];
    throw new UserError(`fineTune.frozen: ${frozen.join(", ")} freezes ${what}, so nothing is trained; ${remedy}`, {
      exitCode: 2,
    });
  }
  const [first, ...others] = stages;
  return [first!, ...others];
}

/**
 * The stage of the step after `step`.
 *
 * @param stepsOf the steps in so many epochs
 */
export function stageAt(
  stages: readonly [Stage, ...Stage[]],
  step: number,
  stepsOf: (epochs: number) => number,
): Stage {
  return stages.find(({ end }) => step < stepsOf(end)) ?? stages.at(-1)!;
}

/**
 * A recipe to measure a step of: that of its last stage, which is the longest, from drawn weights, with which a step takes
 * as long.
 */
export function recipeToTime({ pretrained: _, ...recipe }: Recipe): Recipe {
  const { fineTune } = recipe;
  return fineTune ? { ...recipe, fineTune: { ...fineTune, headEpochs: 0 } } : recipe;
}

function isIn(parameter: string, layers: string): boolean {
  return parameter === layers || parameter.startsWith(`${layers}.`);
}

/** Factors of the learning rate: 1 for the head, `earlyRate` for the first half of the weights before it. */
function rates(
  parameters: readonly TensorDeclaration[],
  isHead: (name: string) => boolean,
  { earlyRate = 1 }: FineTune,
): (name: string) => number {
  const body = parameters.filter(({ name }) => !isHead(name));
  const isWeight = ({ value }: TensorDeclaration) => value.shape.length > 1;
  const half = body.filter(isWeight).length / 2;
  const factors = new Map<string, number>();
  let weights = 0;
  for (const parameter of body) {
    if (isWeight(parameter)) weights++;
    // Biases and norms belong to the weight before them.
    factors.set(parameter.name, weights <= half ? earlyRate : Math.sqrt(earlyRate));
  }
  return (name) => factors.get(name) ?? 1;
}

/** @throws UserError (exit code 2) that lists the layers there are, where no parameter belongs to the named ones */
function requireLayersNamed(layers: string, parameters: readonly string[]): void {
  if (parameters.some((name) => isIn(name, layers))) return;
  const parts = layers.split(".");
  const owners = parts.map((_, i) => parts.slice(0, i).join("."));
  const owner = owners.findLast((name) => name === "" || parameters.some((parameter) => isIn(parameter, name))) ?? "";
  const inside = parameters.filter((name) => owner === "" || isIn(name, owner));
  const depth = owner === "" ? 1 : owner.split(".").length + 1;
  const known = new Set(inside.map((name) => name.split(".").slice(0, depth).join(".")));
  throw new UserError(
    `fineTune.frozen: no layer with parameters is called "${layers}"; there are: ${[...known].join(", ")}`,
    { exitCode: 2 },
  );
}
