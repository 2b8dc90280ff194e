import { useCallback, useEffect, useState } from "react";
import { getJson } from "./client.ts";

/** Something that is asked for: on its way, here, or refused. */
export type Resource<Value> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: Value }
  | { readonly state: "failed"; readonly error: Error };

/** A JSON answer of the server, asked for anew when the path changes or `reload` is called; null: nothing to ask. */
export function useJson<Value>(path: string | null): readonly [Resource<Value>, reload: () => void] {
  const [round, setRound] = useState(0);
  const [held, setHeld] = useState<{ path: string | null; resource: Resource<Value> }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is what reload means
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
  // What was answered to another path is not shown under this one.
  return [held?.path === path && held ? held.resource : { state: "loading" }, reload];
}
