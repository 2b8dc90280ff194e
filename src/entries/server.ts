/** The HTTP API: a Hono application to mount in another one, and the server of `serve`. */

export type { CustomDataOptions } from "../data/node/custom-data-options.ts";
export { UserError } from "../errors.ts";
export { watchQueue } from "../queue/watch-queue.ts";
export type { LadderEntry } from "../report/ladder/entry.ts";
export type { MetricsLine } from "../runs/metrics.ts";
export type { RunStatus } from "../runs/node/run-status.ts";
export type {
  BackboneSummary,
  BackbonesAnswer,
  Ladder,
  PredictAnswer,
  ProgressAnswer,
  QueueAnswer,
  QueuedRun,
  QueueView,
  QueueWorker,
  RecipeSummary,
  RunDetail,
  RunEvaluation,
  RunSummary,
  ServerAnswer,
  TestImage,
} from "../server/api-types.ts";
export { type AppOptions, createApp, type TailorApp } from "../server/app.ts";
export type { OfferedBackbone } from "../server/backbones.ts";
export type { QueueWatch } from "../server/context.ts";
export type { ServerLimits } from "../server/limits.ts";
export { type RunningServer, type ServerOptions, startServer } from "../server/start-server.ts";
