/** Child process that trains one run: receives a task as a message, reports its progress, and exits. */
import { UserError } from "../errors.ts";
import { adjustRecipe, givenFields } from "../recipes/adjust-recipe.ts";
import { fitToTraining } from "../recipes/fit-to-images.ts";
import { findRecipe } from "../recipes/index.ts";
import { transfer } from "../recipes/transfer.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { openDevice } from "../runtime/webgpu/node/device.ts";
import { chooseBackboneRange } from "../training/node/choose-backbone-range.ts";
import { chooseWeightDecay } from "../training/node/choose-weight-decay.ts";
import { loadDataFor } from "../training/node/data-to-train.ts";
import { toStandardError } from "../training/node/train-into.ts";
import { trainNewRun } from "../training/node/train-run.ts";
import { trainingTrial } from "../training/node/training-trial.ts";
import type { TrainingProgress } from "../training/progress.ts";
import { describeCrash, sendMessage } from "./send-message.ts";
import type { FromWorker, ToWorker, TrainingTask } from "./trainer.ts";

/** Progress messages are throttled to 4 Hz. */
const PROGRESS_EVERY_MS = 250;

let isStopRequested = false;
const stop = () => {
  isStopRequested = true;
};

// Ctrl-C reaches every process of a terminal; the server, which gets it too, sends the message to stop.
process.on("SIGINT", () => {});
process.on("SIGTERM", stop);
// The server process has ended.
process.on("disconnect", stop);
process.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "stop":
      return stop();
    case "train":
      train(message.task)
        .catch((error: unknown) => sendMessage<FromWorker>(failure(error)))
        .then(() => process.connected && process.disconnect());
      return;
    default:
      message satisfies never;
  }
});

async function train({
  recipe: name,
  backbone,
  isRangeSupposed,
  adjustments,
  limit,
  ...task
}: TrainingTask): Promise<void> {
  const { seed, out, threads, device: wanted, data: choice } = task;
  const recipe = adjustRecipe(backbone ? transfer(backbone) : findRecipe(name), adjustments);
  const data = await loadDataFor(recipe, choice);
  const images = { trainOn: "split", limit } as const;
  const fitted = fitToTraining(recipe, data.train, { ...images, given: givenFields(adjustments) });
  // Features of many pictures take minutes.
  const onImages = () => {
    if (isStopRequested) throw new UserError("it was stopped");
  };
  const choosing = { threads, runtime: nodeRuntime, report: toStandardError, onImages };
  const ranged = isRangeSupposed ? await chooseBackboneRange(fitted.recipe, data, images, choosing) : fitted;
  const chosen = await chooseWeightDecay(ranged.recipe, data, images, choosing);
  const { runtime } = await openDevice(wanted, trainingTrial({ ...images, recipe: chosen.recipe }, data, threads));
  await trainNewRun(
    { ...fitted, ...images, recipe: chosen.recipe, seed, out },
    {
      data,
      threads,
      runtime,
      hooks: { onStep: throttled(tellProgress), isStopRequested: () => isStopRequested },
      onStart: () => sendMessage<FromWorker>({ kind: "started" }),
    },
  );
}

function tellProgress({ step, totalSteps, epoch, imagesPerSecond, secondsLeft }: TrainingProgress): void {
  sendMessage<FromWorker>({
    kind: "progress",
    progress: { step, steps: totalSteps, epoch, imagesPerSecond, secondsLeft },
  });
}

function throttled<Argument>(act: (argument: Argument) => void): (argument: Argument) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (argument) => {
    if (performance.now() - last < PROGRESS_EVERY_MS) return;
    last = performance.now();
    act(argument);
  };
}

function failure(error: unknown): FromWorker {
  if (error instanceof UserError) return { kind: "failed", message: error.message };
  return { kind: "crashed", message: describeCrash(error) };
}
