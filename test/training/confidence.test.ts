/** Probabilities are fitted at the end of a training, and every user of the run's model has them so. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import { openTrainingRun, readModel, readWeights } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openModel } from "../../src/runtime/node/open-model.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { RECIPE } from "./support/jobs.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const data = await loadFashionMnist({ folder: await smallDataFolder({ train: 720, test: 20 }) });

/** Trains on 300 images; 60 validate unless all train. */
async function trainedRun(name: string, trainOn: "split" | "all") {
  const out = join(FOLDER, name);
  const recipe = { ...RECIPE, epochs: 3, labelSmoothing: 0.2 };
  await trainNewRun({ recipe, seed: 1, trainOn, limit: 300, out }, { data, threads: 1, runtime: nodeRuntime });
  return openTrainingRun(out);
}

test("temperature and threshold are in the record, the model and its answers", async () => {
  const run = await trainedRun("split", "split");
  const { temperature, unknownBelow } = run.record.result!.confidence!;
  expect(temperature).not.toBeCloseTo(1, 2);

  const image = data.test.images.read(0, 1);
  const session = await openModel(readModel(run), "model.onnx", { threads: 1 });
  const logits = (await session.logits(image)).map((logit) => Math.exp(logit / temperature));
  const total = logits.reduce((sum, share) => sum + share, 0);
  const probabilities = (await session.probabilities(image)).slice();
  await session.release();
  expect(probabilities).toBeClose(
    logits.map((share) => share / total),
    { tolerance: 1e-5 },
  );

  const classifier = await loadClassifier(run.path, { threads: 1 });
  expect(classifier.unknownBelow).toBe(unknownBelow);
  const validated = await evaluateRun(run, { data, split: "validation", averageFlips: false, threads: 1 });
  const { confidence } = validated.predictions;
  // At most 5 % of the 60 validation images are below the threshold.
  expect(confidence.filter((probability) => probability < unknownBelow - 1e-4)).toHaveLength(3);
  const answers = await classifier.classify(Array.from({ length: 20 }, (_, i) => data.test.images.read(i, i + 1)));
  for (const { probability, isUnknown } of answers) expect(isUnknown).toBe(probability < unknownBelow);
  await classifier.release();
  // Safetensors take it along, so that an import has it again.
  expect(JSON.parse(readWeights(run.path).metadata.confidence!)).toEqual({ temperature, unknownBelow });
});

test("without validation images there is none: probabilities are softmax(logits)", async () => {
  const run = await trainedRun("all", "all");
  expect(run.record.result!.confidence).toBeUndefined();
  const classifier = await loadClassifier(run.path, { threads: 1 });
  expect(classifier.unknownBelow).toBe(0);
  await classifier.release();
});
