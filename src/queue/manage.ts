/** Looking at a queue, and stopping and emptying it. */
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";

export const QUEUE_ACTIONS = ["status", "pause", "resume", "drain"] as const;
export type QueueAction = (typeof QUEUE_ACTIONS)[number];

/** How a queue stands, by numbers of runs. */
export interface QueueStatus {
  /** Its address without a password. */
  readonly queue: string;
  readonly workers: number;
  readonly isPaused: boolean;
  readonly waiting: number;
  /** In training. */
  readonly active: number;
  /** Finished, and not yet fetched by the command that wanted them. */
  readonly finished: number;
  /** Set aside after their last try. */
  readonly setAside: number;
}

/**
 * Does one thing with a queue.
 *
 * @param action pause: workers finish their runs and take no others; resume: they do again; drain: removes all runs that are not
 *   in training, and all files
 * @returns how it stands then
 * @throws UserError when the store cannot be used
 */
export async function manageQueue(url: string, action: QueueAction): Promise<QueueStatus> {
  const store = await openStore(url);
  try {
    return await store.whileConnected(manage(store, action));
  } finally {
    await store.close();
  }
}

async function manage(store: Store, action: QueueAction): Promise<QueueStatus> {
  const { queue, files } = store;
  if (action === "pause") await queue.pause();
  if (action === "resume") await queue.resume();
  if (action === "drain") {
    await queue.drain(true);
    for (const kind of ["completed", "failed"] as const) await queue.clean(0, 0, kind);
    await files.removeAll();
  }
  return queueStatus(store);
}

/** How a queue stands. */
export async function queueStatus({ queue, title }: Pick<Store, "queue" | "title">): Promise<QueueStatus> {
  const counts = await queue.getJobCounts("waiting", "delayed", "prioritized", "active", "completed", "failed");
  const of = (...kinds: string[]) => kinds.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
  return {
    queue: title,
    workers: await queue.getWorkersCount(),
    isPaused: await queue.isPaused(),
    waiting: of("waiting", "delayed", "prioritized"),
    active: of("active"),
    finished: of("completed"),
    setAside: of("failed"),
  };
}
