import type { LoadedData } from "../data/node/chain.ts";
import type { ImageTask } from "../nn/model.ts";
import type { QueueView } from "./api-types.ts";
import type { Backbones } from "./backbones.ts";
import type { Decoder } from "./decoder.ts";
import type { Evaluations } from "./evaluations.ts";
import type { ServerLimits } from "./limits.ts";
import type { OpenClassifiers } from "./open-classifiers.ts";
import type { PictureSets } from "./picture-sets.ts";
import type { RunCatalog } from "./run-catalog.ts";
import type { DataOfRuns } from "./run-data.ts";
import type { Trainer } from "./trainer.ts";

/** A queue of runs, to look at: `watchQueue` opens one. All its calls throw a UserError when the queue's store does not answer. */
export interface QueueWatch {
  /** Counts, workers, runs in training with their curves, and runs set aside, as they are now. */
  look(): Promise<QueueView>;
  /** Paused: workers finish their runs and take no others. */
  setPaused(isPaused: boolean): Promise<void>;
  /**
   * Asks the worker of a run to stop: it saves the run's state, with which the command that wants the run goes on when it is called again.
   *
   * @returns whether the run is in training
   */
  stop(id: string): Promise<boolean>;
  /** Ends the connection to the store. */
  close(): Promise<void>;
}

/** Shared services of the routes. */
export interface ServerContext {
  readonly catalog: RunCatalog;
  readonly classifiers: OpenClassifiers;
  readonly decoder: Decoder;
  /** Pretrained networks to start from. */
  readonly backbones: Backbones;
  /** Pictures that clients send to be trained on. */
  readonly pictureSets: PictureSets;
  readonly evaluations: Evaluations;
  /** Null where training is not allowed. */
  readonly trainer: Trainer | null;
  /** Null where none is watched. */
  readonly queue: QueueWatch | null;
  /** Whether only this machine reaches the server. */
  readonly isLocal: boolean;
  /** How tailor's command is typed where the server was started, for clients. */
  readonly command: string;
  readonly limits: ServerLimits;
  /** Names besides the loopback interface's under which the server is reached. */
  readonly allowedHosts: ReadonlySet<string>;
  /** The server's data, loaded on first use. */
  readonly data: () => Promise<LoadedData>;
  /** Whether they are not Fashion-MNIST, the default. */
  readonly hasOwnData: boolean;
  readonly dataOfRuns: DataOfRuns;
  /** The task of these data; Fashion-MNIST's is known without loading them. */
  readonly task: () => Promise<ImageTask>;
  /** Removes this machine's paths from a message. */
  readonly hidePaths: (message: string) => string;
  readonly log: (line: string) => void;
  /** Aborted when the server closes, to end event streams and the like. */
  readonly closing: AbortSignal;
}
