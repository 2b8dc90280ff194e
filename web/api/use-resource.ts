import { useCallback, useEffect, useState } from "react";
import { getJson } from "./client.ts";

/** State of a request: loading, loaded or failed. */
export type Resource<Value> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: Value }
  | { readonly state: "failed"; readonly error: Error };

/**
 * Fetches JSON from the server, again when the path changes or `reload` is called; no request when the path is null.
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
  // A response for another path is not shown.
  return [held?.path === path && held ? held.resource : { state: "loading" }, reload];
}
