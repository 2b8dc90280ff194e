import type { RunSummary } from "../../src/server/api-types.ts";
import { isRunning } from "../format.ts";
import { type Resource, useInterval, useJson } from "./use-resource.ts";

export interface RunList {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** Names of those that cannot be read. */
  readonly damaged: readonly string[];
}

/** Polling interval while a run is training, and otherwise: runs may also come from a terminal. */
const LOOK_AGAIN_MS = { running: 3000, otherwise: 8000 } as const;

/** All runs of the server, kept up to date. */
export function useRuns(): readonly [Resource<RunList>, reload: () => void] {
  const [runs, reload] = useJson<RunList>("/api/runs");
  const isAnyRunning = runs.state === "ready" && runs.value.runs.some(isRunning);
  useInterval(reload, runs.state === "ready" ? LOOK_AGAIN_MS[isAnyRunning ? "running" : "otherwise"] : null);
  return [runs, reload];
}
