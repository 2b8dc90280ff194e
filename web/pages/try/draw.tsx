import { type PointerEvent, useEffect, useRef, useState } from "react";
import { Failure } from "../../components/notices.tsx";
import { classifier } from "../../engine/classifier.ts";
import type { ModelSource } from "../../engine/classifier-worker.ts";
import type { TriedImage } from "./tried-image.ts";

interface DrawProps {
  readonly source: ModelSource;
  /** Called with undefined to clear the previous image. */
  readonly onImage: (image: TriedImage | undefined) => void;
}

const EDGE = 280;
const INK = "#4a4a4a";
const PAPER = "#ffffff";

/** A canvas to draw on; the drawing is classified after every stroke. */
export function Draw({ source, onImage }: DrawProps) {
  const sheet = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number }>(undefined);
  const [brush, setBrush] = useState(28);
  const [failure, setFailure] = useState<string>();

  useEffect(() => clear(sheet.current), []);

  const stroke = (event: PointerEvent<HTMLCanvasElement>) => {
    const context = sheet.current?.getContext("2d");
    if (!context || !last.current) return;
    const to = placeOf(event);
    context.strokeStyle = INK;
    context.lineWidth = brush;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(last.current.x, last.current.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    last.current = to;
  };

  const ask = async () => {
    if (!last.current || !sheet.current) return;
    last.current = undefined;
    setFailure(undefined);
    try {
      const picture = await createImageBitmap(sheet.current);
      const { pixels } = await classifier()("classifyPicture", { source, picture }, [picture]);
      onImage({ pixels });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <>
      <canvas
        ref={sheet}
        className="sheet"
        width={EDGE}
        height={EDGE}
        role="img"
        aria-label="a sheet to draw on with mouse, pen or finger"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = placeOf(event);
          stroke(event);
        }}
        onPointerMove={stroke}
        onPointerUp={ask}
        onPointerCancel={ask}
      />
      <div className="row">
        <label>
          Brush
          <input
            type="range"
            min={6}
            max={60}
            value={brush}
            onChange={({ target }) => setBrush(Number(target.value))}
          />
        </label>
        <button
          type="button"
          onClick={() => {
            clear(sheet.current);
            setFailure(undefined);
            onImage(undefined);
          }}
        >
          Clear
        </button>
      </div>
      {failure !== undefined && <Failure title="That cannot be classified" message={failure} />}
      <p className="note">Fill the shapes, a garment's say: the networks know photographs, not outlines.</p>
    </>
  );
}

function clear(canvas: HTMLCanvasElement | null): void {
  const context = canvas?.getContext("2d");
  if (!context) return;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, EDGE, EDGE);
}

/** Position of a pointer event in canvas pixels. */
function placeOf({ nativeEvent, currentTarget }: PointerEvent<HTMLCanvasElement>): { x: number; y: number } {
  const { width, height } = currentTarget.getBoundingClientRect();
  return { x: (nativeEvent.offsetX / width) * EDGE, y: (nativeEvent.offsetY / height) * EDGE };
}
