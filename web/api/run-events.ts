import { useEffect, useState } from "react";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import type { ProgressAnswer, RunSummary } from "../../src/server/api-types.ts";
import { runPath, serverUrl } from "./client.ts";

/** State of a running training, from the server's events. */
export interface LiveRun {
  readonly epochs: readonly MetricsLine[];
  readonly progress: ProgressAnswer | undefined;
  /** The last received status; undefined until then. */
  readonly status: string | undefined;
  /** Why it was interrupted, if known. */
  readonly failure: string | null;
  /** Whether the connection is open; the browser reconnects by itself. */
  readonly isConnected: boolean;
}

const NOTHING: LiveRun = { epochs: [], progress: undefined, status: undefined, failure: null, isConnected: true };

/** Follows a run's server-sent events while `isWanted`. */
export function useRunEvents(id: string, isWanted: boolean): LiveRun {
  const [live, setLive] = useState(NOTHING);
  useEffect(() => {
    setLive(NOTHING);
    if (!isWanted) return;
    const source = new EventSource(serverUrl(runPath(id, "/events")));
    const on = <Data>(event: string, take: (data: Data, live: LiveRun) => Partial<LiveRun>) =>
      source.addEventListener(event, ({ data }) => {
        const parsed: Data = JSON.parse(data);
        setLive((before) => ({ ...before, ...take(parsed, before) }));
      });
    on<MetricsLine>("epoch", (line, { epochs }) => ({
      // After a reconnection epochs may be repeated.
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
