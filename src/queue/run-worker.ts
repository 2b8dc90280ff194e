/** Child process of a worker: trains one run after the other, as ONNX Runtime blocks its thread and the lock must be renewed. */
import { rmSync } from "node:fs";
import type { LoadedData } from "../data/node/chain.ts";
import { loadData } from "../data/node/custom-data.ts";
import { messageOf, UserError } from "../errors.ts";
import { type PlannedRun, remainingWork, trainPlanned } from "../experiments/planned-run.ts";
import { loadRecipeFile } from "../runs/node/recipe-file.ts";
import { readMetrics } from "../runs/node/run-files.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { describeCrash, sendMessage } from "../server/send-message.ts";
import { DivergedError } from "../training/diverged.ts";
import { checkResumable } from "../training/node/resume.ts";
import { dataFacts, type Job, parseJob, planJob, versionsOf, type WorkerFacts } from "./job.ts";
import { packRun, unpackRun } from "./run-package.ts";
import type { FromRunWorker, RunEnd, RunWorkerOptions, ToRunWorker } from "./run-process.ts";

/** Progress messages are throttled to 1 Hz: each is stored. */
const STEP_EVERY_MS = 1000;

const send = (message: FromRunWorker) => sendMessage<FromRunWorker>(message);

let isStopRequested = false;
let open: Promise<WorkerFacts & { readonly threads: number }> | undefined;

// Ctrl-C reaches every process of a terminal; the worker, which gets it too, sends the message to stop.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// The worker has ended, so nobody waits for the result; another worker takes the run over.
process.on("disconnect", () => process.exit(0));
process.on("message", async (message: ToRunWorker) => {
  switch (message.kind) {
    case "stop":
      isStopRequested = true;
      return;
    case "open":
      open = openFacts(message.options);
      await open.then(
        () => send({ kind: "opened" }),
        (error: unknown) => send(failure(error)),
      );
      return;
    case "train":
      isStopRequested = false;
      await send(await train(message).catch(failure));
      return;
    default:
      message satisfies never;
  }
});

async function openFacts({ data: choice, threads, recipeFiles }: RunWorkerOptions) {
  const models = await Promise.all(
    recipeFiles.map(async (file) => ({ model: (await loadRecipeFile(file)).model, file })),
  );
  const data = await loadData(choice, (line) => send({ kind: "note", line }));
  return { data, facts: dataFacts(data), models, threads, versions: versionsOf(nodeRuntime) };
}

async function train({ id, job: value, folder, state }: Extract<ToRunWorker, { kind: "train" }>): Promise<RunEnd> {
  const { data, threads, ...facts } = await open!;
  const job = parseJob(value, id);
  const planned = planJob(job, folder, { data, ...facts });
  if (typeof planned === "string") return { kind: "unfit", why: planned };
  const lowering = job.lowering ?? undefined;
  const unfit = await missingLowering(lowering);
  if (unfit !== undefined) return { kind: "unfit", why: unfit };
  rmSync(folder, { recursive: true, force: true });
  const note = state === null ? undefined : await takeOver(state, planned, { data, lowering });
  const metrics = state !== null && note === undefined ? readMetrics(folder) : [];
  await send({ kind: "taken", epochs: planned.recipe.epochs, metrics, ...(note === undefined ? {} : { note }) });
  let lastStep = Number.NEGATIVE_INFINITY;
  try {
    const trained = await trainPlanned(planned, {
      data,
      threads,
      lowering,
      runtime: nodeRuntime,
      tensorboard: job.tensorboard,
      hooks: {
        isStopRequested: () => isStopRequested,
        onStep({ step, totalSteps }) {
          if (performance.now() - lastStep < STEP_EVERY_MS) return;
          lastStep = performance.now();
          send({ kind: "step", step, steps: totalSteps });
        },
        // After the last epoch the finished run follows at once.
        onEpoch: async (line) =>
          send({ kind: "epoch", line, state: line.epoch < planned.recipe.epochs ? await packRun(folder) : null }),
      },
    });
    const files = await packRun(folder);
    return trained ? { kind: "finished", files } : { kind: "stopped", state: files };
  } catch (error) {
    if (error instanceof DivergedError) return { kind: "diverged", message: error.message };
    throw error;
  }
}

async function missingLowering(lowering: "standard" | "blocked" | undefined): Promise<string | undefined> {
  try {
    await chooseLowering(nodeRuntime, lowering);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/**
 * Prepares to go on with what another worker has trained.
 *
 * @returns why that is not possible, in which case the run starts anew; undefined when it goes on to the same weights
 */
async function takeOver(
  state: Uint8Array,
  planned: PlannedRun,
  given: { data: LoadedData; lowering: Job["lowering"] | undefined },
): Promise<string | undefined> {
  const startAnew = (why: string) => {
    rmSync(planned.path, { recursive: true, force: true });
    return why;
  };
  try {
    await unpackRun(state, planned.path);
    const work = remainingWork(planned, { data: given.data, lowering: given.lowering ?? undefined });
    if (work.todo !== "resume") return startAnew("what another worker trained is not complete");
    const { path, record } = work.run;
    const lowering = await chooseLowering(nodeRuntime, record.lowering);
    const differences = checkResumable(path, record, {
      lowering,
      runtime: nodeRuntime,
      data: given.data,
      allowDifferent: true,
    });
    return differences.length === 0 ? undefined : startAnew(differences.join("; "));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return startAnew(error.message);
  }
}

function failure(error: unknown): Extract<RunEnd, { kind: "failed" }> {
  const message = messageOf(error);
  return { kind: "failed", message, log: error instanceof UserError ? message : describeCrash(error) };
}
