import { useEffect, useRef, useState } from "react";
import type { Figure as DrawFigure } from "../../src/plots/dom.ts";

interface FigureProps<Input> {
  readonly draw: DrawFigure<Input>;
  /** Memoize it: a new object is drawn anew. */
  readonly input: Input;
  readonly caption: string;
  /** Whether a narrow screen scrolls the figure sideways instead of shrinking its letters. */
  readonly scrolls?: boolean;
}

/** A figure of the report, drawn by the same code into the page. */
export function Figure<Input>({ draw, input, caption, scrolls = false }: FigureProps<Input>) {
  const place = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<string>();
  useEffect(() => {
    try {
      const drawing: unknown = draw(document, input);
      if (!(drawing instanceof SVGElement)) throw new TypeError("the figure is no SVG element");
      place.current?.replaceChildren(drawing);
      setError(undefined);
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    }
  }, [draw, input]);
  return (
    <figure className="figure">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className={scrolls ? "drawing scrolls" : "drawing"} tabIndex={scrolls ? 0 : undefined} ref={place} />
      {error !== undefined && <p role="alert">This figure cannot be drawn: {error}.</p>}
      <figcaption>{caption}</figcaption>
    </figure>
  );
}
