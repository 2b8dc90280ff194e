import type { LoadedData } from "../data/sources/chain.ts";
import type { Evaluations } from "./evaluations.ts";
import type { ServerLimits } from "./limits.ts";
import type { OpenClassifiers } from "./open-classifiers.ts";
import type { RunCatalog } from "./run-catalog.ts";
import type { Trainer } from "./trainer.ts";

/** What the routes answer from. */
export interface ServerParts {
  readonly catalog: RunCatalog;
  readonly classifiers: OpenClassifiers;
  readonly evaluations: Evaluations;
  /** Null where training is not allowed. */
  readonly trainer: Trainer | null;
  readonly limits: ServerLimits;
  /** Loads the data set when it is first asked for. */
  readonly data: () => Promise<LoadedData>;
  /** Aborted when the server ends: whatever has no end of its own ends then. */
  readonly closing: AbortSignal;
}
