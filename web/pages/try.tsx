import { useEffect, useMemo } from "react";
import type { RunSummary } from "../../src/server/api-types.ts";
import { useRuns } from "../api/use-runs.ts";
import { Empty, Failure, Wait } from "../components/notices.tsx";
import { useBrowserTraining } from "../engine/browser-training.ts";
import type { ModelSource } from "../engine/classifier-worker.ts";
import { hasModel } from "../format.ts";
import { hrefOf, replaceRoute } from "../routes.ts";
import { TryNetwork } from "./try/try-network.tsx";

/** Name of the model trained in this page, in the list of runs. */
const TRAINED_HERE = "trained in this page";

/** Classifies a picture; everything is computed in the page. */
export default function Try({ id }: { id: string | undefined }) {
  const [runs, reload] = useRuns();
  return (
    <>
      <h1>Try it</h1>
      <p className="lead">Show a network a picture. It runs here, in your browser: no picture leaves this machine.</p>
      <Wait of={runs} words="Looking for trained networks…" onRetry={reload}>
        {({ runs }) => <TryOne runs={runs.filter(hasModel)} wanted={id} />}
      </Wait>
    </>
  );
}

function TryOne({ runs, wanted }: { runs: readonly RunSummary[]; wanted: string | undefined }) {
  const training = useBrowserTraining();
  const here = training?.files;
  const ids = runs.map((run) => run.id);
  const names = here ? [TRAINED_HERE, ...ids] : ids;
  const name = wanted ?? names[0];
  // Another first one, as soon as a training ends, is not what was chosen.
  useEffect(() => {
    if (wanted === undefined && name !== undefined) replaceRoute({ page: "try", id: name });
  }, [wanted, name]);
  const isKnown = name !== undefined && names.includes(name);
  const isHere = name === TRAINED_HERE && here !== undefined;
  const source = useMemo((): ModelSource | undefined => {
    if (!isKnown) return undefined;
    return name === TRAINED_HERE && here ? { kind: "file", name, bytes: here.model } : { kind: "run", id: name };
  }, [name, isKnown, here]);
  const choose = (
    <label>
      Network
      <select value={isKnown ? name : ""} onChange={({ target }) => replaceRoute({ page: "try", id: target.value })}>
        {!isKnown && <option value="">choose one</option>}
        {names.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
  if (!source && wanted !== undefined) {
    const message =
      wanted === TRAINED_HERE
        ? "The network that was trained in this page is gone: it was cleared, or the page was loaded again."
        : `The server has no trained network ${wanted}.`;
    return (
      <>
        <Failure title="There is no such network" message={message} />
        {names.length > 0 && <div className="controls">{choose}</div>}
      </>
    );
  }
  if (!source) {
    return (
      <Empty title="There is no trained network yet">
        <p>
          <a href={hrefOf({ page: "train" })}>Train one</a>: in the browser it takes a few minutes.
        </p>
      </Empty>
    );
  }
  const classes = isHere ? training?.start?.classes : runs.find((run) => run.id === name)?.classes;
  return (
    // The server has no test images of the user's own pictures.
    <TryNetwork source={source} family={JSON.stringify(classes)} hasTestImages={!(isHere && training?.order.classes)}>
      {choose}
    </TryNetwork>
  );
}
