import type { LoadedData } from "../data/node/chain.ts";
import type { ImageTask } from "../nn/model.ts";
import type { Evaluations } from "./evaluations.ts";
import type { ServerLimits } from "./limits.ts";
import type { OpenClassifiers } from "./open-classifiers.ts";
import type { RunCatalog } from "./run-catalog.ts";
import type { DataOfRuns } from "./run-data.ts";
import type { Trainer } from "./trainer.ts";

/** What the routes answer from. */
export interface ServerContext {
  readonly catalog: RunCatalog;
  readonly classifiers: OpenClassifiers;
  readonly evaluations: Evaluations;
  /** Null where training is not allowed. */
  readonly trainer: Trainer | null;
  readonly limits: ServerLimits;
  /** The data that are trained on here, loaded when they are first asked for. */
  readonly data: () => Promise<LoadedData>;
  readonly dataOfRuns: DataOfRuns;
  /** What a network of these data is shown and asked for; that of Fashion-MNIST is known without them. */
  readonly task: () => Promise<ImageTask>;
  /** Aborted when the server ends: whatever has no end of its own ends then. */
  readonly closing: AbortSignal;
}
