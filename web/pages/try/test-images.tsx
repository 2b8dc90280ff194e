import { useState } from "react";
import type { TestImage } from "../../../src/server/answers.ts";
import { useJson } from "../../api/use-resource.ts";
import { Wait } from "../../components/notices.tsx";
import { Pixels } from "../../components/pixels.tsx";
import type { TriedImage } from "./tried-image.ts";

interface TestImagesProps {
  readonly chosen: number | undefined;
  readonly onImage: (image: TriedImage) => void;
}

const SHOWN = 20;

/** Some of the test images, drawn by chance. */
export function TestImages({ chosen, onImage }: TestImagesProps) {
  const [draw, setDraw] = useState(1);
  const [images, reload] = useJson<{ images: TestImage[] }>(`/api/test-images?count=${SHOWN}&seed=${draw}`);
  return (
    <>
      <Wait of={images} words="Fetching test images…" onRetry={reload}>
        {({ images }) => (
          <ul className="tiles small">
            {images.map(({ index, label, className, pixels }) => (
              <li key={index}>
                <button
                  type="button"
                  className="tile"
                  aria-pressed={index === chosen}
                  onClick={() => onImage({ pixels, truth: label, index })}
                >
                  <Pixels pixels={pixels} label={className} />
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
