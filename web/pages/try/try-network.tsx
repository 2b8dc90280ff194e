import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { Look } from "../../components/attention-view.tsx";
import { Probabilities } from "../../components/probabilities.tsx";
import type { Answer, ModelSource } from "../../engine/classifier-worker.ts";
import { Draw } from "./draw.tsx";
import { Photo } from "./photo.tsx";
import { TestImages } from "./test-images.tsx";
import type { TriedImage } from "./tried-image.ts";
import { Webcam } from "./webcam.tsx";

const WAYS = [
  { key: "photo", words: "A photo" },
  { key: "draw", words: "Draw" },
  { key: "test", words: "A test image" },
  { key: "webcam", words: "Webcam" },
] as const;

interface TryNetworkProps {
  readonly source: ModelSource;
  /** The same for networks of the same classes: a picture is kept when another of them is selected. */
  readonly family: string;
  readonly hasTestImages: boolean;
  /** Controls before those of the picture. */
  readonly children?: ReactNode;
}

/** Ways to show a network a picture, and its answer. */
export function TryNetwork({ source, family, hasTestImages, children }: TryNetworkProps) {
  const [wanted, setWay] = useState<(typeof WAYS)[number]["key"]>("photo");
  const way = wanted === "test" && !hasTestImages ? "photo" : wanted;
  const [tried, setTried] = useState<{ image: TriedImage; family: string }>();
  const [seen, setSeen] = useState<{ answer: Answer; source: ModelSource }>();
  const image = tried?.family === family ? tried.image : undefined;
  const setImage = (next: TriedImage | undefined) => setTried(next && { image: next, family });
  const tell = useCallback((answer: Answer) => setSeen({ answer, source }), [source]);
  // On a phone the prediction is below the picture.
  const answer = useRef<HTMLElement>(null);
  useEffect(() => {
    if (tried) answer.current?.scrollIntoView({ block: "nearest" });
  }, [tried]);
  const live = seen?.source === source ? seen.answer : undefined;
  return (
    <>
      <div className="controls">
        {children}
        <fieldset className="segments">
          <legend>Picture</legend>
          {WAYS.filter(({ key }) => key !== "test" || hasTestImages).map(({ key, words }) => (
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
          {way === "webcam" && <Webcam source={source} onAnswer={tell} />}
          {way === "draw" && <Draw source={source} onImage={setImage} />}
          {way === "test" && <TestImages source={source} chosen={image?.index} onImage={setImage} />}
        </section>
        {/* Many answers a second are not read out. */}
        <section ref={answer} className="card" aria-label="Answer" aria-live={way === "webcam" ? "off" : "polite"}>
          {way === "webcam" && live && (
            <Probabilities values={live.probabilities} classNames={live.classNames} unknownBelow={live.unknownBelow} />
          )}
          {way !== "webcam" && image && <Look source={source} pixels={image.pixels} truth={image.truth} />}
          {!(way === "webcam" ? live : image) && (
            <p className="quiet">The answer comes here, with the picture as the network gets it.</p>
          )}
        </section>
      </div>
    </>
  );
}
