import { type ComponentType, useCallback, useEffect, useState } from "react";
import { getJson } from "../api/client.ts";
import { ASK_AGAIN_MS, isSilence, useInterval } from "../api/use-resource.ts";
import { Failure } from "./notices.tsx";

/** Whether the server has other files than the page was built with, as after an update. */
class ChangedPage extends Error {}

/** A component whose code is fetched when it is first shown. */
export interface Place<Props extends object> {
  readonly load: () => Promise<{ default: ComponentType<Props> }>;
  /** The component, once it is there. */
  known?: ComponentType<Props>;
}

interface LoadedProps<Props extends object> {
  /** Its heading, as long as it is not there. */
  readonly title: string;
  readonly place: Place<Props>;
  readonly props: Props;
}

/** Shows a place. Unlike React's `lazy` it recovers: while the server does not answer it is asked again. */
export function Loaded<Props extends object>({ title, place, props }: LoadedProps<Props>) {
  const [round, setRound] = useState(0);
  const [failure, setFailure] = useState<Error>();
  const again = useCallback(() => setRound((before) => before + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each round is another try
  useEffect(() => {
    let isShown = true;
    const say = (error: Error | undefined) => {
      if (isShown) setFailure(error);
    };
    if (!place.known) {
      place.load().then(
        (module) => {
          place.known = module.default;
          say(undefined);
          if (isShown) again();
        },
        () => reasonOfFailure().then(say),
      );
    }
    return () => {
      isShown = false;
    };
  }, [place, round]);
  useInterval(again, failure && isSilence(failure) ? ASK_AGAIN_MS : null);
  const { known: Known } = place;
  if (Known) return <Known {...props} />;
  const retry = failure instanceof ChangedPage ? () => location.reload() : again;
  return (
    <>
      <h1>{title}</h1>
      {failure ? (
        <Failure title="This part of the page is not loaded" message={failure.message} onRetry={retry} />
      ) : (
        <p className="quiet">Loading…</p>
      )}
    </>
  );
}

/** A browser does not say why it could not load a module; the server does, if it answers. */
async function reasonOfFailure(): Promise<Error> {
  try {
    await getJson("/healthz");
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return new ChangedPage("The server has another version of it than the page that is open. Load the page again.");
}
