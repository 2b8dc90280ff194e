import { setMaxListeners } from "node:events";
import { dirname } from "node:path";
import { Hono } from "hono";
import { FASHION_MNIST_TASK } from "../data/fashion-mnist.ts";
import type { CustomDataOptions } from "../data/node/custom-data-options.ts";
import { imageTask } from "../data/training-data.ts";
import type { DeviceChoice } from "../runtime/webgpu/device.ts";
import { createBackbones, type OfferedBackbone } from "./backbones.ts";
import type { QueueWatch, ServerContext } from "./context.ts";
import { createDecoder } from "./decoder.ts";
import { answerErrors, notFound, pathHider, refuseOtherMethods } from "./errors.ts";
import { createEvaluations } from "./evaluations.ts";
import { hostNames } from "./guards.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
import { createOpenClassifiers } from "./open-classifiers.ts";
import { createPictureSets } from "./picture-sets.ts";
import { backboneRoutes } from "./routes/backbones.ts";
import { catalogueRoutes } from "./routes/catalogues.ts";
import { dataRoutes } from "./routes/data.ts";
import { eventsRoute } from "./routes/events.ts";
import { pictureRoutes } from "./routes/pictures.ts";
import { predictRoute } from "./routes/predict.ts";
import { queueRoutes } from "./routes/queue.ts";
import { runRoutes } from "./routes/runs.ts";
import { trainingRoutes } from "./routes/training.ts";
import { createRunCatalog } from "./run-catalog.ts";
import { createDataOfRuns, sharedData } from "./run-data.ts";
import { createTrainer } from "./trainer.ts";

/** Options of the application. */
export interface AppOptions {
  /** The folder of runs. Default "runs". */
  readonly runs?: string | undefined;
  /** Default run for predictions; it may be outside of `runs`. Default: the newest finished. */
  readonly run?: string | undefined;
  /**
   * A folder of pictures or IDX files, as for `loadCustomData`: the data for trainings and test images. Runs are
   * evaluated on their own data. Default: Fashion-MNIST, loaded or downloaded on first use.
   */
  readonly data?: string | undefined;
  /** How such data is converted to images. */
  readonly preparation?: CustomDataOptions | undefined;
  /**
   * Pretrained networks (what `openBackbone` gives, or its `backbone`) that clients can start from. They stay in memory.
   * Default: none.
   */
  readonly backbones?: readonly OfferedBackbone[] | undefined;
  /** A queue (`watchQueue`) that the page shows. The caller closes it, after the server. Default: none. */
  readonly queue?: QueueWatch | undefined;
  /** Number of threads of the engine. Default 2. */
  readonly threads?: number | undefined;
  /** What computes predictions, evaluations and trainings. Default "cpu". */
  readonly device?: DeviceChoice | undefined;
  /** Whether clients may start trainings, which keep the processor busy. Default false. */
  readonly allowTraining?: boolean | undefined;
  /** Whether only this machine reaches the server: clients are then told the folders of runs. Default false. */
  readonly isLocal?: boolean | undefined;
  /** How tailor's command is typed here, for hints on the page; clients elsewhere, who are told no paths, read `tailor`. Default that. */
  readonly command?: string | undefined;
  /**
   * Host names under which clients reach the server, through a proxy: pages from there are its own.
   */
  readonly allowHost?: readonly string[] | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Receives log lines about errors; they may contain paths. Default: standard error. */
  readonly log?: ((line: string) => void) | undefined;
}

const ANY_COMMAND = "tailor";

/** The HTTP API, for any server of Hono applications. */
export interface TailorApp {
  /** Handles `/healthz` and `/api/...`: to be served, or mounted with `route`. */
  readonly app: Hono;
  /** Ends event streams, stops a training that was started here and an evaluation, and frees all models. */
  close(): Promise<void>;
}

/**
 * tailor's HTTP API over a folder of runs.
 *
 * @example
 * const { app, close } = createApp({ runs: "runs" });
 * const site = new Hono().route("/tailor", app); // POST /tailor/api/predict
 *
 * @throws UserError when `run` is given and not a run, `runs` is not a folder, or a backbone's file has changed
 */
export function createApp({
  runs: folder = "runs",
  run,
  data: dataFolder,
  preparation = {},
  backbones: offered = [],
  queue = undefined,
  threads = 2,
  device = "cpu",
  allowTraining = false,
  isLocal = false,
  command = ANY_COMMAND,
  allowHost = [],
  limits: changed = {},
  log = logToStandardError,
}: AppOptions = {}): TailorApp {
  const limits = { ...DEFAULT_LIMITS, ...changed };
  const closing = new AbortController();
  // Each event stream adds a listener.
  setMaxListeners(0, closing.signal);
  const catalog = createRunCatalog({ folder, run }, log);
  const classifiers = createOpenClassifiers({ threads, device, log });
  const decoder = createDecoder(log);
  const backbones = createBackbones(offered);
  const hidePaths = pathHider([
    folder,
    run && dirname(run),
    dataFolder,
    ...backbones.all.map(({ backbone }) => dirname(backbone.file)),
  ]);
  const choice = { ...preparation, folder: dataFolder };
  const data = sharedData(choice, { log, hidePaths });
  const dataOfRuns = createDataOfRuns(choice, { shared: data, log });
  const evaluations = createEvaluations({ dataOfRuns, threads, device, log, hidePaths });
  const trainer = allowTraining
    ? createTrainer({ folder, data: choice, threads, device, log, hidePaths, onChange: catalog.refresh })
    : null;
  const pictureSets = createPictureSets(folder);
  const parts: ServerContext = {
    catalog,
    classifiers,
    decoder,
    backbones,
    pictureSets,
    evaluations,
    trainer,
    queue: queue ?? null,
    isLocal,
    command: isLocal ? command : ANY_COMMAND,
    limits,
    allowedHosts: hostNames(allowHost),
    data,
    dataOfRuns,
    hasOwnData: dataFolder !== undefined,
    task: async () => (dataFolder === undefined ? FASHION_MNIST_TASK : imageTask((await data()).train)),
    hidePaths,
    log,
    closing: closing.signal,
  };

  const app = new Hono();
  app.onError(answerErrors(log));
  catalogueRoutes(app, parts);
  backboneRoutes(app, parts);
  runRoutes(app, parts);
  eventsRoute(app, parts);
  dataRoutes(app, parts);
  predictRoute(app, parts);
  pictureRoutes(app, parts);
  trainingRoutes(app, parts);
  queueRoutes(app, parts);
  refuseOtherMethods(app);
  app.all("/api/*", notFound);

  return {
    app,
    async close() {
      closing.abort();
      await Promise.all([trainer?.close(), evaluations.close(), decoder.close()]);
      classifiers.close();
      pictureSets.close();
    },
  };
}

export function logToStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
