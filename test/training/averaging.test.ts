import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { decodeSafetensors } from "../../src/formats/safetensors.ts";
import { enhanced } from "../../src/models/study.ts";
import { averagingShareAt } from "../../src/optim/averaging.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import { type TrainingSnapshot, train } from "../../src/training/train.ts";
import { lowerings } from "../support/run-program.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { RECIPE, smallEnhanced, smallJob } from "./support/jobs.ts";
import { expectSameRun } from "./support/same-run.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const AVERAGING = { kind: "exponential", decay: 0.7 } as const;

describe("averages of weights", () => {
  test.each(IS_THOROUGH ? lowerings() : lowerings().slice(-1))(
    "are those of what each step left, running statistics too ($kind)",
    async (lowering) => {
      const job = smallJob({ lowering, recipe: { model: smallEnhanced, averaging: AVERAGING } });
      const expected = new Map<string, number[]>();
      let from: TrainingSnapshot | undefined;
      for (let step = 1, isFinished = false; !isFinished; step++) {
        const outcome = await train(job, { isStopRequested: () => true }, from);
        const share = averagingShareAt(AVERAGING, step);
        for (const { name } of outcome.graph.tensors) {
          const values = [...outcome.snapshot.tensors.get(name)!];
          const before = expected.get(name);
          expected.set(
            name,
            values.map((value, i) => (before ? before[i]! + share * (value - before[i]!) : value)),
          );
          // Rounded once a step, and each rounding fades as the average moves on.
          const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          const average = outcome.snapshot.tensors.get(`${name}.average`)!;
          expect(average, name).toBeClose(expected.get(name)!, { tolerance: 1e-6 * scale });
          // The network at the end of so few steps has running statistics that were estimated again.
          if (!outcome.isFinished || !name.includes("running_"))
            expect(outcome.tensors.get(name), name).toEqual(average);
        }
        from = outcome.snapshot;
        isFinished = outcome.isFinished;
      }
      expect(from!.position.step).toBe(7);
      const [last, average] = ["bn1.running_mean", "bn1.running_mean.average"].map((name) => from!.tensors.get(name)!);
      expect(average).not.toEqual(last);
    },
  );

  test("do not affect the training itself", async () => {
    const [plain, averaged] = [
      await train(smallJob({ recipe: { model: smallEnhanced } })),
      await train(smallJob({ recipe: { model: smallEnhanced, averaging: AVERAGING } })),
    ];
    for (const [name, values] of plain.snapshot.tensors) expect(averaged.snapshot.tensors.get(name)).toEqual(values);
  });
});

test("a run's weights and model are the averages, its state contains both; stopped and resumed it gives the same result", async () => {
  const [out, stopped] = [join(sharedFolder(), "averaged"), join(sharedFolder(), "stopped")];
  const data = await loadData({ folder: await smallDataFolder({ train: 120, test: 20, isHalved: true }) });
  const recipe = { ...RECIPE, model: enhanced, averaging: AVERAGING };
  const machine = { data, threads: 1, lowering: "standard" as const, runtime: nodeRuntime, allowDifferent: false };
  const run = { recipe, seed: 1, trainOn: "split" as const, limit: null };
  const trained = await trainNewRun({ ...run, out }, machine);
  if (!trained.isFinished) throw new Error("the run was not finished");
  let steps = 0;
  await trainNewRun(
    { ...run, out: stopped },
    { ...machine, stepsPerCall: 1, hooks: { isStopRequested: () => ++steps === 5 } },
  );
  await resumeRun(stopped, machine);
  expectSameRun(stopped, out);

  const read = (name: string) => {
    const { tensors } = decodeSafetensors(readFileSync(join(out, name)), name);
    return new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
  };
  const [weights, state] = [read("weights.safetensors"), read("state.safetensors")];
  expect(weights.size).toBe(32);
  for (const [name, values] of weights) {
    expect(state.has(name)).toBe(true);
    const average = expect(state.get(`${name}.average`), name);
    // Of so few steps the running statistics are estimated again.
    if (name.includes("running_")) average.not.toEqual(values);
    else average.toEqual(values);
  }
  expect(weights.get("conv1.weight")).not.toEqual(state.get("conv1.weight"));

  // By model.onnx: the very loss that validation had with the averages.
  const metrics = await evaluateRun(out, { ...machine, split: "validation", averageFlips: false });
  expect(metrics.loss).toBeCloseTo(trained.record.result.validationLoss!, 5);
});
