import { useEffect, useState } from "react";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import type { ProgressAnswer, RunSummary } from "../../src/server/api-types.ts";
import { runPath } from "./client.ts";

/** A run under way, as the server tells it. */
export interface LiveRun {
  readonly epochs: readonly MetricsLine[];
  readonly progress: ProgressAnswer | undefined;
  /** The last one told; undefined until then. */
  readonly status: string | undefined;
  /** Why it was interrupted, where that is known. */
  readonly failure: string | null;
  /** Whether the server answers; the browser tries again by itself. */
  readonly isConnected: boolean;
}

const NOTHING: LiveRun = { epochs: [], progress: undefined, status: undefined, failure: null, isConnected: true };

/** Follows a run's server-sent events while `isWanted`. */
export function useRunEvents(id: string, isWanted: boolean): LiveRun {
  const [live, setLive] = useState(NOTHING);
  useEffect(() => {
    setLive(NOTHING);
    if (!isWanted) return;
    const source = new EventSource(runPath(id, "/events"));
    const on = <Data>(event: string, take: (data: Data, live: LiveRun) => Partial<LiveRun>) =>
      source.addEventListener(event, ({ data }) => {
        const parsed: Data = JSON.parse(data);
        setLive((before) => ({ ...before, ...take(parsed, before) }));
      });
    on<MetricsLine>("epoch", (line, { epochs }) => ({
      // After a lost connection epochs may come again.
      epochs: [...epochs.filter(({ epoch }) => epoch < line.epoch), line],
    }));
    on<ProgressAnswer>("progress", (progress) => ({ progress }));
    on<Pick<RunSummary, "failure"> & { status: string }>("status", ({ status, failure }) => {
      if (status !== "running") source.close();
      return { status, failure };
    });
    source.onopen = () => setLive((before) => ({ ...before, isConnected: true }));
    source.onerror = () => setLive((before) => ({ ...before, isConnected: false }));
    return () => source.close();
  }, [id, isWanted]);
  return live;
}
