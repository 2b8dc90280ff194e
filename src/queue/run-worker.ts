/** Child process of a worker: trains one run after the other, as ONNX Runtime blocks its thread and the lock must be renewed. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LoadedData } from "../data/node/chain.ts";
import { loadData } from "../data/node/custom-data.ts";
import { loadFashionMnist } from "../data/node/fashion-mnist.ts";
import { messageOf, UserError } from "../errors.ts";
import { type PlannedRun, remainingWork, trainPlanned } from "../experiments/planned-run.ts";
import { sealedRecord } from "../runs/node/hashes.ts";
import { loadRecipeFile } from "../runs/node/recipe-file.ts";
import { RUN_FILES, readMetrics, readRunRecord } from "../runs/node/run-files.ts";
import { writeWholeFile, writeWithoutSync } from "../runs/node/whole-file.ts";
import { chooseLowering } from "../runtime/lowering.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { describeCrash, sendMessage } from "../server/send-message.ts";
import { DivergedError } from "../training/diverged.ts";
import { findBackbone } from "../training/node/open-backbone.ts";
import { findWeights } from "../training/node/pretrained.ts";
import { checkResumable } from "../training/node/resume.ts";
import { asTrainedHere, dataFacts, type Job, parseJob, planJob, versionsOf, type WorkerFacts } from "./job.ts";
import { packRun, takeFile, unpackRun } from "./run-package.ts";
import type { FromRunWorker, RunEnd, RunWorkerOptions, ToRunWorker } from "./run-process.ts";

/** Progress messages are throttled to 1 Hz: each is stored. */
const STEP_EVERY_MS = 1000;

const send = (message: FromRunWorker) => sendMessage<FromRunWorker>(message);
const report = (line: string) => send({ kind: "note", line });

let isStopRequested = false;
let open: ReturnType<typeof openFacts> | undefined;

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

async function openFacts({ data: choice, threads, storeSeconds, recipeFiles, backbones, weights }: RunWorkerOptions) {
  const models = await Promise.all(
    recipeFiles.map(async (file) => ({ model: (await loadRecipeFile(file)).model, file })),
  );
  const found = [];
  for (const place of backbones) found.push(await findBackbone(place, report));
  for (const place of weights) found.push(await findWeights(place, report));
  const files = new Map(found.map(({ file, sha256 }) => [sha256, file]));
  const readings = [withFacts(await loadData(choice, report))];
  const versions = versionsOf(nodeRuntime);
  return { readings, folder: choice.folder, models, files, threads, storeSeconds, versions };
}

function withFacts(data: LoadedData): Pick<WorkerFacts, "data" | "facts"> {
  return { data, facts: dataFacts(data) };
}

/** The planned run of a job, and its data; a text where this worker cannot train it. */
async function plan(job: Job, path: string): Promise<{ planned: PlannedRun; data: LoadedData } | string> {
  const { readings, folder, ...machine } = await open!;
  const tried = readings.map((reading) => ({ ...reading, planned: planJob(job, path, { ...reading, ...machine }) }));
  const fitting = tried.flatMap(({ planned, data }) => (typeof planned === "string" ? [] : [{ planned, data }]));
  if (fitting[0]) return fitting[0];
  // A study, an ablation and a race read four IDX files as Fashion-MNIST's, other commands as data of one's own.
  const other = folder !== undefined && readings.length === 1 ? await fashionMnistIn(folder) : undefined;
  if (!other) return tried[0]!.planned as string;
  readings.push(withFacts(other));
  return plan(job, path);
}

async function fashionMnistIn(folder: string): Promise<LoadedData | undefined> {
  try {
    return await loadFashionMnist({ folder });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

async function train({ id, job: value, folder, state }: Extract<ToRunWorker, { kind: "train" }>): Promise<RunEnd> {
  const { threads, storeSeconds } = await open!;
  writeWithoutSync();
  const job = parseJob(value, id);
  const found = await plan(job, folder);
  if (typeof found === "string") return { kind: "unfit", why: found };
  const { planned, data } = found;
  const lowering = job.lowering ?? undefined;
  const unfit = await missingLowering(lowering);
  if (unfit !== undefined) return { kind: "unfit", why: unfit };
  rmSync(folder, { recursive: true, force: true });
  const note = state === null ? undefined : await takeOver(state, planned, { data, lowering });
  const metrics = state !== null && note === undefined ? readMetrics(folder) : [];
  await send({ kind: "taken", epochs: planned.recipe.epochs, metrics, ...(note === undefined ? {} : { note }) });
  let lastStep = Number.NEGATIVE_INFINITY;
  let lastStored = performance.now();
  let packed = 0;
  const pack = async () => {
    const file = `${folder}-${packed++}.tar`;
    await packRun(folder, file);
    return file;
  };
  /** After the last epoch the finished run follows at once; states of a run that takes seconds are not worth their way. */
  const stateAfter = (epoch: number) => {
    if (epoch >= planned.recipe.epochs || performance.now() - lastStored < storeSeconds * 1000) return null;
    lastStored = performance.now();
    return pack();
  };
  try {
    const trained = await trainPlanned(planned, {
      data,
      threads,
      lowering,
      runtime: nodeRuntime,
      tensorboard: job.tensorboard,
      report,
      hooks: {
        isStopRequested: () => isStopRequested,
        onStep({ step, totalSteps }) {
          if (performance.now() - lastStep < STEP_EVERY_MS) return;
          lastStep = performance.now();
          send({ kind: "step", step, steps: totalSteps });
        },
        onEpoch: async (line) => send({ kind: "epoch", line, state: await stateAfter(line.epoch) }),
      },
    });
    if (trained) return { kind: "finished", files: await pack() };
    return { kind: "stopped", state: existsSync(folder) ? await pack() : null };
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
  state: string,
  planned: PlannedRun,
  given: { data: LoadedData; lowering: Job["lowering"] | undefined },
): Promise<string | undefined> {
  const startAnew = (why: string) => {
    rmSync(planned.path, { recursive: true, force: true });
    return why;
  };
  try {
    await unpackRun(takeFile(state), planned.path);
    const theirs = asTrainedHere(readRunRecord(planned.path), planned, given.data);
    writeWholeFile(join(planned.path, RUN_FILES.record), sealedRecord(theirs));
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
