import { type FSWatcher, watch } from "node:fs";
import { UserError, valueOrUserError } from "../errors.ts";
import type { MetricsLine } from "../runs/metrics.ts";
import { readAnyRunRecord } from "../runs/run-files.ts";
import type { ProgressAnswer } from "./answers.ts";
import type { Bell } from "./bell.ts";
import { type RunState, stateOf } from "./run-catalog.ts";
import { metricsSoFar } from "./run-summary.ts";

/** A file system may tell of no change (a network's, say): the run is looked at so often in any case. */
const POLL_MS = 1000;

/** What happens to a run, in order. "gone": its folder was removed or its files can no longer be read. */
export type RunEvent =
  | { readonly kind: "epoch"; readonly line: MetricsLine }
  | { readonly kind: "progress"; readonly progress: ProgressAnswer }
  | { readonly kind: "status"; readonly status: RunState | "gone" }
  /** Nothing happened for a while. */
  | { readonly kind: "nothing" };

export interface FollowOptions {
  /** Epochs up to this one are known already. */
  readonly after: number;
  /** Rung by whoever has news besides the folder's, and to end it. */
  readonly bell: Bell;
  /** Whether the process that trains it is known to be there: then it is running, though it has let go of its folder. */
  readonly isTraining: () => boolean;
  /** How far the training is, where that is known. */
  readonly progress: () => ProgressAnswer | undefined;
  readonly isOver: () => boolean;
}

/**
 * Follows a run, whichever process trains it, to its end: its state first, then each epoch, those that are done among them.
 * Ends after the state that is no longer "running".
 */
export async function* followRun(
  path: string,
  { after, bell, isTraining, progress, isOver }: FollowOptions,
): AsyncGenerator<RunEvent> {
  const stopWatching = watchFolder(path, () => bell.ring());
  let lastEpoch = after;
  let lastProgress: ProgressAnswer | undefined;
  let lastState: RunState | "gone" | undefined;
  try {
    while (!isOver()) {
      // Looked at before the epochs: those of a run that has ended are all there.
      const found = currentState(path);
      const state = found === "interrupted" && isTraining() ? "running" : found;
      if (state === "running" && state !== lastState) yield { kind: "status", status: state };
      lastState = state;
      const lines = valueOrUserError(() => metricsSoFar(path));
      for (const line of lines instanceof UserError ? [] : lines) {
        if (line.epoch <= lastEpoch) continue;
        lastEpoch = line.epoch;
        yield { kind: "epoch", line };
      }
      if (state !== "running") {
        yield { kind: "status", status: state };
        return;
      }
      const now = progress();
      if (now && now !== lastProgress) yield { kind: "progress", progress: now };
      else yield { kind: "nothing" };
      lastProgress = now;
      await bell.rung(POLL_MS);
    }
  } finally {
    stopWatching();
  }
}

function currentState(path: string): RunState | "gone" {
  const look = () => {
    const record = valueOrUserError(() => readAnyRunRecord(path));
    return record instanceof UserError ? "gone" : stateOf({ path, record });
  };
  const state = look();
  // A run may end after its record was read and before its lock is looked at: then a second look finds it finished.
  return state === "interrupted" ? look() : state;
}

/** Files are replaced by renaming, so their folder is watched. @returns stops it */
function watchFolder(path: string, onChange: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, onChange);
    watcher.on("error", () => watcher?.close()); // The folder is gone, or there is no watching here: polling goes on.
  } catch {
    // Too many are watched already, say: polling does without.
  }
  return () => watcher?.close();
}
