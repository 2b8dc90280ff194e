import { useEffect, useState } from "react";
import { classifier } from "../engine/classifier.ts";
import type { Answer, Attention, ModelSource } from "../engine/classifier-worker.ts";
import { Failure } from "./notices.tsx";
import { Pixels } from "./pixels.tsx";
import { Probabilities } from "./probabilities.tsx";

interface LookProps {
  readonly source: ModelSource;
  /** The network's input, 0 to 255. */
  readonly pixels: ArrayLike<number>;
  /** The image's class, if known. */
  readonly truth?: number | undefined;
}

/** An image, its predicted probabilities and its occlusion map, computed in the page. */
export function Look({ source, pixels, truth }: LookProps) {
  const [seen, setSeen] = useState<{ answer: Answer; attention?: Attention }>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    let isCurrent = true;
    const ask = async () => {
      const call = classifier();
      const bytes = Uint8Array.from(pixels);
      const answer = await call("classifyPixels", { source, pixels: bytes });
      if (!isCurrent) return;
      setSeen({ answer });
      const attention = await call("attention", { source, pixels: bytes, label: best(answer) });
      if (isCurrent) setSeen({ answer, attention });
    };
    setFailure(undefined);
    ask().catch((error: Error) => {
      if (isCurrent) setFailure(error.message);
    });
    return () => {
      isCurrent = false;
    };
  }, [source, pixels]);

  if (failure !== undefined) return <Failure title="The network cannot be asked here" message={failure} />;
  if (!seen) {
    return (
      <p className="quiet" role="status">
        Starting ONNX Runtime in this page…
      </p>
    );
  }
  const { answer, attention } = seen;
  const label = best(answer);
  const name = answer.classNames[label];
  return (
    <div className="look">
      <figure>
        <Pixels
          image={answer}
          label={`the image as the network takes it, ${answer.width} by ${answer.height} pixels`}
        />
        <figcaption>what the network gets</figcaption>
      </figure>
      <figure>
        <Pixels
          image={answer}
          overlay={attention && { map: scaled(attention.map), columns: attention.columns }}
          label={`the same image, coloured where it speaks for or against ${name}`}
        />
        <figcaption aria-live="polite">
          {attention ? (
            <>
              <span className="for">for</span> and <span className="against">against</span> {name}; occluding the
              strongest patch changes the probability by {(100 * strongest(attention.map)).toFixed(1)} points
            </>
          ) : (
            "occluding one patch after another…"
          )}
        </figcaption>
      </figure>
      <Probabilities
        values={answer.probabilities}
        classNames={answer.classNames}
        truth={truth}
        unknownBelow={answer.unknownBelow}
      />
    </div>
  );
}

function best({ probabilities }: Answer): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

function strongest(map: Float32Array): number {
  return Math.max(...map.map(Math.abs));
}

/** Scales a map so that the largest change has an intense colour; a map without effect stays transparent. */
function scaled(map: Float32Array): Float32Array {
  const most = Math.max(strongest(map), 0.02);
  return map.map((value) => (0.85 * value) / most);
}
