import { useState } from "react";
import type { TestImage } from "../../../src/server/api-types.ts";
import { runPath } from "../../api/client.ts";
import { useJson } from "../../api/use-resource.ts";
import { Wait } from "../../components/notices.tsx";
import { Pixels } from "../../components/pixels.tsx";
import type { ModelSource } from "../../engine/classifier-worker.ts";
import type { TriedImage } from "./tried-image.ts";

interface TestImagesProps {
  readonly source: ModelSource;
  readonly chosen: number | undefined;
  readonly onImage: (image: TriedImage) => void;
}

const SHOWN = 20;

/** A random sample of the network's test images; for one trained in this page, of the server's test images. */
export function TestImages({ source, chosen, onImage }: TestImagesProps) {
  const [draw, setDraw] = useState(1);
  const [images, reload] = useJson<{ images: TestImage[] }>(
    `${source.kind === "run" ? runPath(source.id) : "/api"}/test-images?count=${SHOWN}&seed=${draw}`,
  );
  return (
    <>
      <Wait of={images} words="Fetching test images…" onRetry={reload}>
        {({ images }) => (
          <ul className="tiles small">
            {images.map((image) => (
              <li key={image.index}>
                <button
                  type="button"
                  className="tile"
                  aria-pressed={image.index === chosen}
                  onClick={() => onImage({ pixels: image.pixels, truth: image.label, index: image.index })}
                >
                  <Pixels image={image} label={image.className} />
                </button>
              </li>
            ))}
          </ul>
        )}
      </Wait>
      <button type="button" onClick={() => setDraw(draw + 1)}>
        Other images
      </button>
    </>
  );
}
