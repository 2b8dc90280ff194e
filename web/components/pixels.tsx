import { useEffect, useRef } from "react";

interface PixelsProps {
  /** Gray, 0 to 255, row by row. */
  readonly pixels: ArrayLike<number>;
  readonly width?: number;
  /** Said to those who do not see it. */
  readonly label: string;
  /** Laid over the image, rows x columns, each -1 to 1: blue above 0, vermillion below. */
  readonly overlay?: { readonly map: Float32Array; readonly columns: number } | undefined;
}

/** A small image with its pixels as squares. */
export function Pixels({ pixels, width = 28, label, overlay }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const height = pixels.length / width;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < pixels.length; i++) {
      const gray = pixels[i]!;
      image.data.set([gray, gray, gray, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    if (!overlay) return;
    const rows = overlay.map.length / overlay.columns;
    for (const [i, value] of overlay.map.entries()) {
      context.fillStyle = value >= 0 ? `rgb(40 150 230 / ${value})` : `rgb(240 100 20 / ${-value})`;
      const [row, column] = [Math.floor(i / overlay.columns), i % overlay.columns];
      context.fillRect(
        (column * width) / overlay.columns,
        (row * height) / rows,
        width / overlay.columns,
        height / rows,
      );
    }
  }, [pixels, width, height, overlay]);
  return <canvas className="pixels" ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}
