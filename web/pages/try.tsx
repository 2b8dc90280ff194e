import { useMemo, useState } from "react";
import type { RunSummary } from "../../src/server/api-types.ts";
import { useJson } from "../api/use-resource.ts";
import { Empty, Wait } from "../components/notices.tsx";
import { useBrowserTraining } from "../engine/browser-training.ts";
import type { ModelSource } from "../engine/classifier-worker.ts";
import { hasModel } from "../format.ts";
import { hrefOf } from "../routes.ts";
import { TryNetwork } from "./try/try-network.tsx";

/** Name of the model trained in this page, in the list of runs. */
const TRAINED_HERE = "trained in this page";

/** Classifies a picture; everything is computed in the page. */
export default function Try({ id }: { id: string | undefined }) {
  const [runs, reload] = useJson<{ runs: RunSummary[] }>("/api/runs");
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
  const [chosen, choose] = useState<string>();
  const name = [chosen, wanted, names[0]].find((one) => one !== undefined && names.includes(one));
  const isHere = name === TRAINED_HERE && here !== undefined;
  const source = useMemo((): ModelSource | undefined => {
    if (name === undefined) return undefined;
    return name === TRAINED_HERE && here ? { kind: "file", name, bytes: here.model } : { kind: "run", id: name };
  }, [name, here]);
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
      <label>
        Network
        <select value={name} onChange={({ target }) => choose(target.value)}>
          {names.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    </TryNetwork>
  );
}
