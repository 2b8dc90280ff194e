import { useEffect, useMemo, useRef, useState } from "react";
import type { RunEvaluation, TestImage } from "../../../src/server/api-types.ts";
import { percent } from "../../../src/text.ts";
import { getJson, runPath } from "../../api/client.ts";
import { Look } from "../../components/attention-view.tsx";
import { Failure } from "../../components/notices.tsx";
import { Pixels } from "../../components/pixels.tsx";

const SHOWN = 16;

/** The most confident mistakes; each can be opened. */
export function Mistakes({ id, evaluation: { mistakes, classes } }: { id: string; evaluation: RunEvaluation }) {
  const shown = mistakes.slice(0, SHOWN);
  const [chosen, choose] = useState<number>();
  const [images, failure] = useTestImages(
    id,
    shown.map(({ index }) => index),
  );
  const image = images.find(({ index }) => index === chosen);
  const source = useMemo(() => ({ kind: "run", id }) as const, [id]);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (chosen !== undefined) panel.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  if (shown.length === 0) return <p>It made no mistake.</p>;
  return (
    <section aria-labelledby="mistakes">
      <h3 id="mistakes">Its most confident mistakes</h3>
      <p className="quiet">Choose one to see what the network looks at.</p>
      {failure !== undefined && <Failure title="The images cannot be read" message={failure} />}
      <ul className="tiles">
        {shown.map(({ index, label, prediction, probability }) => {
          const found = images.find((one) => one.index === index);
          const [is, said] = [classes[label], classes[prediction]];
          return (
            <li key={index}>
              <button
                type="button"
                className="tile"
                aria-pressed={index === chosen}
                onClick={() => choose(index === chosen ? undefined : index)}
              >
                {found ? (
                  <Pixels image={found} label={`test image ${index}`} />
                ) : (
                  <span className="pixels" aria-hidden="true" />
                )}
                <span>is {is}</span>
                <span className="wrong">said {said}</span>
                <span className="quiet">{percent(probability)}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <div ref={panel} className={chosen === undefined ? "panel" : "panel open"}>
        {image && <Look key={image.index} source={source} pixels={image.pixels} truth={image.label} />}
      </div>
    </section>
  );
}

/** The run's test images with these indices, as they are loaded; and an error if that fails. */
function useTestImages(id: string, indices: readonly number[]): readonly [readonly TestImage[], string | undefined] {
  const [images, setImages] = useState<readonly TestImage[]>([]);
  const [failure, setFailure] = useState<string>();
  const wanted = indices.join(",");
  useEffect(() => {
    const abort = new AbortController();
    setImages([]);
    setFailure(undefined);
    const get = (index: string) => getJson<TestImage>(runPath(id, `/test-images/${index}`), abort.signal);
    Promise.all(wanted.split(",").map(get)).then(setImages, (error: Error) => {
      if (!abort.signal.aborted) setFailure(error.message);
    });
    return () => abort.abort();
  }, [id, wanted]);
  return [images, failure];
}
