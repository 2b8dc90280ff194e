/**
 * tailor, through its public API: the training loop with its own shuffled batches, or the model file of `train`, opened
 * as in `evaluate`. The task may set the `lowering`; by default tailor chooses.
 */
import * as tailor from "../../../build/index.js";
import { buildModel, initialTensors } from "../../../build/nn/model.js";
import { answer, CLASSES, createClock, IMAGE_SIZE, readData, readTask } from "./task.js";

const task = readTask();
const clock = createClock(task);
const bytes = readData(task);
const images = tailor.createImageSet(
  {
    images: bytes.images,
    labels: bytes.labels,
    channels: 1,
    height: IMAGE_SIZE,
    width: IMAGE_SIZE,
    classNames: Array.from({ length: CLASSES }, (_, i) => String(i)),
  },
  "labels.u8",
);
const normalization = { mean: [task.mean], standardDeviation: [task.deviation] };
const model = modelOf(task);
const { parameters } = tailor.modelFacts(model, tailor.imageTask(images));
let [lossSum, stepsDone] = [0, 0];

if (task.task === "train") await train();
else await infer();

async function train() {
  const lowering = await tailor.chooseLowering(tailor.nodeRuntime, task.lowering);
  const recipe = {
    name: "bench",
    description: "speed only",
    model,
    epochs: 1000,
    batchSize: task.batch,
    learningRate: task.learningRate,
    schedule: { kind: "constant" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: {},
  };
  const { threads } = task;
  const runtime = tailor.nodeRuntime;
  await tailor.train(
    { recipe, data: { train: images, validation: null }, normalization, seed: 1, threads, lowering, runtime },
    { onStep: tick, isStopRequested: clock.isDone },
  );
  answer({ ...clock.result(), parameters, form: lowering.kind });
}

async function infer() {
  const imageTask = tailor.imageTask(images);
  const graph = buildModel(model, { task: imageTask, normalization, batchSize: 1, mode: "inference" });
  const tensors = initialTensors(graph, 1);
  const { classNames } = images;
  const file = tailor.inferenceModel({ model, task: imageTask, normalization, classNames, tensors });
  const session = await tailor.openModel(file, "the model file", { threads: task.threads });
  for (let call = 0; !clock.isDone(); call++) {
    const start = (call * task.batch) % (images.count - task.batch + 1);
    await session.logits(images.images.read(start, start + task.batch));
    clock.tick();
  }
  answer({ ...clock.result(), parameters, form: "model file" });
}

/** The engine executes several steps per run: computes their mean loss from the mean of the epoch so far. */
function tick({ epoch, step, loss }) {
  const inEpoch = step - Math.floor((images.count * (epoch - 1)) / task.batch);
  const steps = step - stepsDone;
  const before = inEpoch === steps ? 0 : lossSum;
  lossSum = loss * inEpoch;
  stepsDone = step;
  clock.tick((lossSum - before) / steps, steps);
}

/** Named networks are tailor's own; a stack is built from the task's layers. */
function modelOf({ network, layers }) {
  const own = tailor.MODELS.find(({ name }) => name === network);
  return own ?? { name: network, layers: () => layers.map(layerOf) };
}

function layerOf(layer) {
  switch (layer.kind) {
    case "conv": {
      const { outputs, kernel, stride, bias } = layer;
      return tailor.conv2d(outputs, { kernelSize: kernel, stride, padding: Math.floor(kernel / 2), bias });
    }
    case "norm":
      return tailor.batchNorm();
    case "relu":
      return tailor.relu();
    case "pool":
      return tailor.maxPool2d(2);
    case "average":
      return tailor.globalAveragePool();
    case "flatten":
      return tailor.flatten();
    case "dense":
      return tailor.linear(layer.outputs, { bias: layer.bias });
    default:
      throw new Error(`a stack has no ${layer.kind}`);
  }
}
