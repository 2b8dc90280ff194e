/** Fine-tuning from weights that PyTorch wrote gives the losses that PyTorch's own fine-tuning gives. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { trainingBatches } from "../../src/data/batches.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { resnet18Imagenet } from "../../src/models/field/resnet.ts";
import { IMAGENET_NORMALIZATION } from "../../src/ops/normalize-pixels.ts";
import type { FineTune } from "../../src/recipes/fine-tune.ts";
import type { Recipe } from "../../src/recipes/recipe.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openPretrained, pretrainedTensors } from "../../src/training/node/pretrained.ts";
import { train } from "../../src/training/train.ts";
import { needTorch, python } from "../exchange/support/python.ts";
import { hash } from "../golden/inputs.ts";
import { processorLowerings } from "../support/run-program.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const [WEIGHTS, BATCHES] = [join(FOLDER, "resnet18.safetensors"), join(FOLDER, "batches.safetensors")];
const SCRIPT = resolve(import.meta.dirname, "../golden/fine_tune.py");
const [CLASSES, SIZE, BATCH, STEPS, SEED] = [5, 48, 8, 10, 3];
/** Two steps an epoch. */
const [IMAGES, EPOCHS] = [2 * BATCH, STEPS / 2];
/**
 * Rates at which ten steps change the loss by a tenth or more. With the batch's statistics, of 32 values in the last layers,
 * gradients are so large that higher rates amplify rounding tenfold a step.
 */
const [RATE, BATCH_NORM_RATE] = [2e-2, 2e-5];

/**
 * Float32 against float64. 1e-6 was measured with frozen batch norm, 1e-4 with the batch's statistics, where losses change
 * by 0.3 and each of the cases by 0.1 from the others.
 */
const TOLERANCES = { running: 1e-5, batch: 5e-4 };

const images: ImageSet = {
  images: memoryRows(
    Uint8Array.from({ length: IMAGES * 3 * SIZE * SIZE }, (_, i) => hash(5, i) % 256),
    3 * SIZE * SIZE,
  ),
  labels: Uint8Array.from({ length: IMAGES }, (_, i) => (3 * i) % CLASSES),
  classNames: Array.from({ length: CLASSES }, (_, i) => `class ${i}`),
  count: IMAGES,
  channels: 3,
  height: SIZE,
  width: SIZE,
};

/** The batches of the training, with pixels as the network gets them. */
function batchesFile(): Uint8Array {
  const size = 3 * SIZE * SIZE;
  const batches = trainingBatches({ set: images, batchSize: BATCH, seed: SEED });
  const [pixels, labels] = [new Float32Array(STEPS * BATCH * size), new Float32Array(STEPS * BATCH)];
  const { mean, standardDeviation } = IMAGENET_NORMALIZATION;
  for (let step = 0; step < STEPS; step++) {
    const [bytes, numbers] = [new Uint8Array(BATCH * size), new Int32Array(BATCH)];
    batches.fill(step, bytes, numbers);
    labels.set(numbers, step * BATCH);
    for (const [i, byte] of bytes.entries()) {
      const channel = Math.floor(i / (SIZE * SIZE)) % 3;
      pixels[step * bytes.length + i] = (byte / 255 - mean[channel]!) / standardDeviation[channel]!;
    }
  }
  return encodeSafetensors([
    { name: "pixels", shape: [STEPS, BATCH, 3, SIZE, SIZE], data: pixels },
    { name: "labels", shape: [STEPS, BATCH], data: labels },
  ]);
}

/** What is set for PyTorch, where it is not what tailor's field says. */
interface Settings {
  readonly frozen?: readonly string[];
  readonly frozenBatchNorm?: boolean;
  readonly rates?: readonly (readonly [layers: string, factor: number])[];
  readonly headSteps?: number;
}

const FIRST_HALF = ["conv1", "bn1", "layer1", "layer2"];
const SECOND_HALF = ["layer3", "layer4"];

const CASES: readonly [what: string, fineTune: FineTune, settings: Settings][] = [
  ["all layers", {}, {}],
  [
    "frozen prefixes",
    { frozen: ["conv1", "layer1", "layer2.0.conv1"] },
    { frozen: ["conv1", "layer1", "layer2.0.conv1"] },
  ],
  ["frozen batch norm", { batchNorm: "frozen" }, { frozenBatchNorm: true }],
  [
    "lower rates in early layers",
    { earlyRate: 0.04 },
    { rates: [...FIRST_HALF.map((name) => [name, 0.04] as const), ...SECOND_HALF.map((name) => [name, 0.2] as const)] },
  ],
  [
    "its head first, then all but the frozen, early ones slower, by the weights' statistics",
    { headEpochs: 2, earlyRate: 0.25, frozen: ["conv1", "bn1"], batchNorm: "frozen" },
    {
      ...{ headSteps: 4, frozen: ["conv1", "bn1"], frozenBatchNorm: true },
      rates: [...FIRST_HALF.map((name) => [name, 0.25] as const), ...SECOND_HALF.map((name) => [name, 0.5] as const)],
    },
  ],
];

/** Without the long cases: the one that combines all that is frozen or slower, and one with the batch's statistics. */
const TESTED = IS_THOROUGH ? CASES : [CASES[1]!, CASES.at(-1)!];
/** The lowerings differ little here, and opening a session of this network takes seconds: both run the last case only. */
const loweringsOf = (one: (typeof CASES)[number]) => processorLowerings().slice(one === CASES.at(-1) ? 0 : -1);

const rateOf = ({ batchNorm }: FineTune) => (batchNorm === "frozen" ? RATE : BATCH_NORM_RATE);

interface Result {
  readonly losses: readonly number[];
  /** Of some tensors at the end, by name. */
  readonly sums: Readonly<Record<string, number>>;
}

/** PyTorch's results of all cases, computed once. */
let results: Promise<readonly Result[]> | undefined;
async function pytorchResults(): Promise<readonly Result[]> {
  writeFileSync(BATCHES, batchesFile());
  await python([SCRIPT, "write", String(CLASSES), WEIGHTS]);
  const trainings = TESTED.map(([, fineTune, settings]) => ({ learningRate: rateOf(fineTune), ...settings }));
  return JSON.parse(await python([SCRIPT, "train", String(CLASSES), WEIGHTS, BATCHES, JSON.stringify(trainings)]));
}

test.for(TESTED)("ten losses of %s are PyTorch's", async (one, context) => {
  needTorch(context);
  results ??= pytorchResults();
  const pytorch = (await results)[TESTED.indexOf(one)]!;
  const [, fineTune] = one;
  const { pretrained } = await openPretrained(WEIGHTS, resnet18Imagenet, () => {});
  const recipe: Recipe = {
    name: "test",
    description: "plain SGD",
    model: resnet18Imagenet,
    epochs: EPOCHS,
    batchSize: BATCH,
    learningRate: rateOf(fineTune),
    schedule: { kind: "constant" },
    optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 1e-3 },
    labelSmoothing: 0,
    augmentation: {},
    pretrained,
    fineTune,
  };
  const initial = pretrainedTensors(recipe, { images, seed: SEED, report: () => {} });
  for (const lowering of loweringsOf(one)) {
    const losses: number[] = [];
    const sums = { before: 0 };
    const { tensors } = await train(
      {
        ...{ recipe, seed: SEED, threads: 1, lowering, runtime: nodeRuntime, initial, stepsPerCall: 1 },
        data: { train: images, validation: null },
        normalization: IMAGENET_NORMALIZATION,
      },
      {
        onStep({ step, loss }) {
          // The mean over the epoch so far, of one step or two.
          const isSecond = step % 2 === 0;
          losses.push(isSecond ? 2 * loss - sums.before : loss);
          sums.before = loss;
        },
      },
    );
    expect(losses).toBeClose(pytorch.losses, {
      tolerance: TOLERANCES[fineTune.batchNorm === "frozen" ? "running" : "batch"],
    });
    const ends = Object.keys(pytorch.sums).map((name) => tensors.get(name)!.reduce((sum, value) => sum + value, 0));
    expect(ends).toBeClose(Object.values(pytorch.sums), { tolerance: 1e-3 });
  }
});
