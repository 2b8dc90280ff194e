import { useEffect, useRef, useState } from "react";
import type { Figure as DrawFigure } from "../../src/plots/svg.ts";

interface FigureProps<Input> {
  readonly draw: DrawFigure<Input>;
  /** Must be memoized: a new object is drawn again. */
  readonly input: Input;
  readonly caption: string;
}

/** A figure drawn by the same code as in reports. On a narrow screen it scrolls, so that its text stays legible. */
export function Figure<Input>({ draw, input, caption }: FigureProps<Input>) {
  return (
    <Frame caption={caption}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className="drawing scrolls" tabIndex={0}>
        <Drawing draw={draw} input={input} />
      </div>
    </Frame>
  );
}

/** The same for a figure of variable width: it is drawn in the width of its container. */
export function FittedFigure<Input>({ draw, input, caption }: FigureProps<Input & { width?: number | undefined }>) {
  const place = useRef<HTMLDivElement>(null);
  const [fitted, setFitted] = useState<Input>();
  useEffect(() => {
    if (!place.current) return;
    const observer = new ResizeObserver(([entry]) => {
      setFitted({ ...input, width: Math.max(MIN_WIDTH_PX, Math.floor(entry!.contentRect.width)) });
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [input]);
  return (
    <Frame caption={caption}>
      <div className="drawing" ref={place}>
        {fitted && <Drawing draw={draw} input={fitted} />}
      </div>
    </Frame>
  );
}

/** Narrower figures have no room for labels, so the picture is scaled down instead. */
const MIN_WIDTH_PX = 440;

function Frame({ caption, children }: { caption: string; children: React.ReactNode }) {
  return (
    <figure className="figure">
      {children}
      <figcaption>{caption}</figcaption>
    </figure>
  );
}

function Drawing<Input>({ draw, input }: Pick<FigureProps<Input>, "draw" | "input">) {
  const place = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<string>();
  useEffect(() => {
    try {
      const drawing: unknown = draw(document, input);
      if (!(drawing instanceof SVGSVGElement)) throw new TypeError("the figure is no SVG element");
      // A small figure is not enlarged to the width of the page (parts.css).
      drawing.style.setProperty("--own-width", `${drawing.viewBox.baseVal.width}px`);
      place.current?.replaceChildren(drawing);
      setError(undefined);
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    }
  }, [draw, input]);
  return (
    <>
      <div ref={place} />
      {error !== undefined && <p role="alert">This figure cannot be drawn: {error}.</p>}
    </>
  );
}
