import { type CompiledProgram, compile } from "../../src/compile/compile.ts";
import type { Lowering } from "../../src/compile/program.ts";
import type { ImageTask, Model } from "../../src/nn/model.ts";
import { createOptimizer, type OptimizerSpec } from "../../src/optim/index.ts";
import { trainingProgram } from "../../src/training/training-program.ts";

export interface TrainingStepOptions {
  readonly batchSize?: number;
  readonly optimizer?: OptimizerSpec;
  readonly task?: ImageTask;
}

/** One training step of a network, as the study's are trained. */
export function stepProgram(
  model: Model,
  {
    batchSize = 8,
    optimizer = { kind: "adam" },
    task = { channels: 1, height: 28, width: 28, classes: 10 },
  }: TrainingStepOptions = {},
) {
  return trainingProgram(model, {
    task,
    batchSize,
    normalization: { mean: [0.286], standardDeviation: [0.353] },
    optimizer: createOptimizer(optimizer),
    labelSmoothing: 0,
  }).program;
}

export function compiledStep(model: Model, lowering: Lowering, options: TrainingStepOptions = {}): CompiledProgram {
  return compile(stepProgram(model, options), lowering);
}

/** Each operation of a step as `layer pass: kind`. */
export function describedOperations({ operations }: CompiledProgram): string[] {
  return operations
    .filter(({ results }) => results.length > 0)
    .map(({ kind, origin }) => `${origin ? `${origin.layer} ${origin.pass}` : "nowhere"}: ${kind}`);
}
