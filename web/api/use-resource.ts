import { useCallback, useEffect, useState } from "react";
import { ApiError, getJson } from "./client.ts";

/** State of a request: loading, loaded or failed. */
export type Resource<Value> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: Value }
  | { readonly state: "failed"; readonly error: Error };

/** Interval at which a server that does not answer is asked again. */
export const ASK_AGAIN_MS = 3000;

/**
 * Fetches JSON from the server, again when the path changes or `reload` is called; no request when the path is null. While
 * the server does not answer it is asked again and again, so that the page recovers with it.
 */
export function useJson<Value>(path: string | null): readonly [Resource<Value>, reload: () => void] {
  const [round, setRound] = useState(0);
  const [held, setHeld] = useState<{ path: string | null; resource: Resource<Value> }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: reload increments the round
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    getJson<Value>(path, abort.signal).then(
      (value) => setHeld({ path, resource: { state: "ready", value } }),
      (error: Error) => {
        if (!abort.signal.aborted) setHeld({ path, resource: { state: "failed", error } });
      },
    );
    return () => abort.abort();
  }, [path, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isUnreachable = held?.path === path && held.resource.state === "failed" && isSilence(held.resource.error);
  useInterval(reload, isUnreachable ? ASK_AGAIN_MS : null);
  // A response for another path is not shown.
  return [held?.path === path && held ? held.resource : { state: "loading" }, reload];
}

/** Whether an error says that the server does not answer. */
export function isSilence(error: Error): boolean {
  return error instanceof ApiError && error.code === "unreachable";
}

/** Calls a function again and again while somebody looks at the page; null: not at all. */
export function useInterval(act: () => void, milliseconds: number | null): void {
  useEffect(() => {
    if (milliseconds === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) act();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [act, milliseconds]);
}
