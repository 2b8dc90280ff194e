import { useEffect, useMemo, useRef, useState } from "react";
import type { RunSummary } from "../../src/server/api-types.ts";
import { useJson } from "../api/use-resource.ts";
import { Look } from "../components/attention-view.tsx";
import { Empty, Wait } from "../components/notices.tsx";
import { useBrowserTraining } from "../engine/browser-training.ts";
import type { ModelSource } from "../engine/classifier-worker.ts";
import { hasModel } from "../format.ts";
import { hrefOf } from "../routes.ts";
import { Draw } from "./try/draw.tsx";
import { Photo } from "./try/photo.tsx";
import { TestImages } from "./try/test-images.tsx";
import type { TriedImage } from "./try/tried-image.ts";

const WAYS = [
  { key: "photo", words: "A photo" },
  { key: "draw", words: "Draw" },
  { key: "test", words: "A test image" },
] as const;

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
  const here = useBrowserTraining()?.files;
  const ids = runs.map((run) => run.id);
  const names = here ? [TRAINED_HERE, ...ids] : ids;
  const [chosen, choose] = useState<string>();
  const [way, setWay] = useState<(typeof WAYS)[number]["key"]>("photo");
  const [tried, setTried] = useState<{ image: TriedImage; by: string }>();
  const name = [chosen, wanted, names[0]].find((one) => one !== undefined && names.includes(one));
  const source = useMemo((): ModelSource | undefined => {
    if (name === undefined) return undefined;
    return name === TRAINED_HERE && here ? { kind: "file", name, bytes: here.model } : { kind: "run", id: name };
  }, [name, here]);
  const isOfSameClasses = (one: string, other: string) => {
    const [a, b] = [one, other].map((id) => runs.find((run) => run.id === id)?.classes);
    return !a || !b || JSON.stringify(a) === JSON.stringify(b);
  };
  // A picture is kept when another network with the same classes is selected.
  const image = name !== undefined && tried && isOfSameClasses(tried.by, name) ? tried.image : undefined;
  const setImage = (next: TriedImage | undefined) =>
    name !== undefined && setTried(next === undefined ? undefined : { image: next, by: name });
  // On a phone the prediction is below the picture.
  const answer = useRef<HTMLElement>(null);
  useEffect(() => {
    if (tried) answer.current?.scrollIntoView({ block: "nearest" });
  }, [tried]);
  if (!source) {
    return (
      <Empty title="There is no trained network yet">
        <p>
          <a href={hrefOf({ page: "train" })}>Train one</a>: in the browser it takes a few minutes.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div className="controls">
        <label>
          Network
          <select value={name} onChange={({ target }) => choose(target.value)}>
            {names.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <fieldset className="segments">
          <legend>Picture</legend>
          {WAYS.map(({ key, words }) => (
            <label key={key}>
              <input type="radio" name="way" checked={way === key} onChange={() => setWay(key)} />
              {words}
            </label>
          ))}
        </fieldset>
      </div>
      <div className="try">
        <section className="card" aria-label="Picture">
          {way === "photo" && <Photo source={source} onImage={setImage} />}
          {way === "draw" && <Draw source={source} onImage={setImage} />}
          {way === "test" && <TestImages source={source} chosen={image?.index} onImage={setImage} />}
        </section>
        <section ref={answer} className="card" aria-label="Answer" aria-live="polite">
          {image ? (
            <Look source={source} pixels={image.pixels} truth={image.truth} />
          ) : (
            <p className="quiet">The answer comes here, with the picture as the network gets it.</p>
          )}
        </section>
      </div>
    </>
  );
}
