import { UserError } from "../errors.ts";
import { classificationTrial } from "../evaluation/node/classification-trial.ts";
import { loadClassifier } from "../prediction/node/load-classifier.ts";
import type { Classification, Classifier } from "../prediction/prediction.ts";
import { UNVERIFIED } from "../runs/node/run-files.ts";
import type { DeviceChoice } from "../runtime/webgpu/device.ts";
import { openDevice } from "../runtime/webgpu/node/device.ts";
import { createBatcher } from "./batcher.ts";
import { HttpError } from "./errors.ts";
import { modelStamp, type ServedRun } from "./run-catalog.ts";

/** Maximum number of open models; each holds its weights and the engine's buffers. */
const MAX_OPEN = 4;
/** Maximum batch size: enough to keep the cores busy, few enough for low latency. */
const MAX_BATCH = 64;
/** Time in ms that a request waits for others. */
const BATCH_WAIT_MS = 2;

/** A run's open model, which combines requests into batches. */
export interface OpenClassifier extends Pick<Classifier, "classes" | "imageShape" | "preparation" | "unknownBelow"> {
  /** @param pixels of one prepared image @returns all classes, most probable first, in `top` */
  classify(pixels: Uint8Array): Promise<Classification>;
}

export interface OpenClassifiers {
  /**
   * Runs `work` with the run's model, which is opened if necessary and kept open meanwhile.
   *
   * @throws HttpError 404 when the run has no model, 503 when it cannot be opened or does not give finite numbers
   */
  use<Result>(run: ServedRun, work: (classifier: OpenClassifier) => Promise<Result>): Promise<Result>;
  /** Frees all models, each once it is unused. */
  close(): void;
}

interface Opened {
  readonly stamp: string;
  readonly loading: Promise<{ readonly classifier: Classifier; readonly open: OpenClassifier }>;
  users: number;
  /** No longer used for new requests; freed after its last user. */
  isRetired: boolean;
}

/** @param log receives the reason when a model cannot be opened */
export function createOpenClassifiers({
  threads,
  device,
  log,
}: {
  threads: number;
  device: DeviceChoice;
  log: (line: string) => void;
}): OpenClassifiers {
  /** By the run's path, least recently used first. */
  const opened = new Map<string, Opened>();

  const freeIfUnused = (entry: Opened) => {
    if (!entry.isRetired || entry.users > 0) return;
    entry.loading.then(({ classifier }) => classifier.release()).catch(() => {}); // A model that failed to open need not be released.
  };
  const retire = (path: string, entry: Opened) => {
    opened.delete(path);
    entry.isRetired = true;
    freeIfUnused(entry);
  };

  const take = (run: ServedRun): Opened => {
    const { id, path } = run;
    const stamp = modelStamp(run);
    const before = opened.get(path);
    if (before && before.stamp !== stamp) retire(path, before);
    if (stamp === undefined) throw noModel(id);
    const entry = opened.get(path) ?? {
      stamp,
      loading: open(run, { threads, device, log }),
      users: 0,
      isRetired: false,
    };
    opened.delete(path);
    opened.set(path, entry);
    for (const [oldest, other] of opened) if (opened.size > MAX_OPEN) retire(oldest, other);
    return entry;
  };

  const damaged = (error: unknown, what: string) => {
    if (!(error instanceof UserError)) return error;
    log(error.message);
    return new HttpError(503, "model_damaged", `${what}; the server's log tells more.`);
  };

  return {
    async use(run, work) {
      const entry = take(run);
      entry.users++;
      try {
        const { open } = await entry.loading.catch((error: unknown) => {
          if (opened.get(run.path) === entry) retire(run.path, entry);
          throw damaged(error, `The model of ${run.id} cannot be opened`);
        });
        const classify: OpenClassifier["classify"] = (pixels) =>
          open.classify(pixels).catch((error: unknown) => {
            throw damaged(error, `The model of ${run.id} gives no valid answer`);
          });
        return await work({ ...open, classify });
      } finally {
        entry.users--;
        freeIfUnused(entry);
      }
    },
    close() {
      for (const [path, entry] of opened) retire(path, entry);
    },
  };
}

/** The error for a run without a model. */
export function noModel(id: string): HttpError {
  return new HttpError(404, "no_model", `The run ${id} has no model: its training is not finished, or it was removed.`);
}

async function open(
  { id, path }: ServedRun,
  { threads, device, log }: { threads: number; device: DeviceChoice; log: (line: string) => void },
) {
  const { runtime, openModel } = await openDevice(device, classificationTrial(path, threads));
  if (runtime.reason !== undefined) log(`${id} is computed on the ${runtime.reason}`);
  const classifier = await loadClassifier(path, { threads, openModel });
  if (!classifier.isVerified) log(`the model of ${id} is unverified: ${UNVERIFIED}`);
  const { classes, imageShape, unknownBelow, preparation } = classifier;
  const classify = createBatcher(
    (images: readonly Uint8Array[]) => classifier.classify(images, { top: classes.length }),
    { most: MAX_BATCH, waitMs: BATCH_WAIT_MS },
  );
  return { classifier, open: { classes, imageShape, unknownBelow, preparation, classify } };
}
