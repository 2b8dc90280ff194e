import { useEffect, useRef, useState } from "react";
import type { RunDetail, RunSummary } from "../../src/server/api-types.ts";
import { getJson, runPath } from "./client.ts";

/** Requests under way at once: a browser opens six connections, and the page has other questions. */
const MAX_REQUESTS = 4;

interface FetchedDetails {
  /** Those of the wanted runs that are there, in their order. */
  readonly details: readonly RunDetail[];
  readonly failure: Error | undefined;
  readonly retry: () => void;
}

/** Fetches the details of runs, each once as long as it is not trained further, and a few at a time. */
export function useRunDetails(runs: readonly RunSummary[]): FetchedDetails {
  const known = useRef(new Map<string, RunDetail>());
  const asked = useRef(new Set<string>());
  const wanted = useRef<readonly RunSummary[]>([]);
  const abort = useRef<AbortController>(undefined);
  const [, setCount] = useState(0);
  const [failure, setFailure] = useState<Error>();
  wanted.current = runs;

  useEffect(() => {
    abort.current = new AbortController();
    return () => {
      abort.current?.abort();
      asked.current.clear();
    };
  }, []);

  useEffect(() => {
    if (failure) return;
    const { signal } = abort.current!;
    const fetchNext = async (): Promise<void> => {
      const next = wanted.current.find((run) => !known.current.has(keyOf(run)) && !asked.current.has(keyOf(run)));
      if (!next || asked.current.size >= MAX_REQUESTS) return;
      const key = keyOf(next);
      asked.current.add(key);
      try {
        known.current.set(key, await getJson<RunDetail>(runPath(next.id), signal));
        setCount((before) => before + 1);
      } catch (error) {
        if (signal.aborted) return;
        setFailure(error instanceof Error ? error : new Error(String(error)));
      } finally {
        asked.current.delete(key);
      }
    };
    for (let i = asked.current.size; i < MAX_REQUESTS; i++) void fetchNext();
  });

  return {
    details: runs.flatMap((run) => known.current.get(keyOf(run)) ?? []),
    failure,
    retry: () => setFailure(undefined),
  };
}

/** Changes when a run is trained further. */
function keyOf({ id, status, epochsDone, startedAt }: RunSummary): string {
  return JSON.stringify([id, status, epochsDone, startedAt]);
}
