import { useEffect, useRef } from "react";

/** An image in a network's input format. */
export interface ImagePixels {
  /** 0 to 255, [channels, height, width]. */
  readonly pixels: ArrayLike<number>;
  /** 3: red, green, blue; otherwise the first is shown as gray. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

interface PixelsProps {
  readonly image: ImagePixels;
  /** Accessible name. */
  readonly label: string;
  /** Overlay of rows x columns values, each -1 to 1: blue above 0, vermillion below. */
  readonly overlay?: { readonly map: Float32Array; readonly columns: number } | undefined;
}

/** A small image, its pixels drawn as squares. */
export function Pixels({ image: { pixels, channels, height, width }, label, overlay }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    const plane = height * width;
    for (let i = 0; i < plane; i++) {
      const [red, green, blue] = [0, 1, 2].map((channel) => pixels[(channels === 3 ? channel : 0) * plane + i]!);
      image.data.set([red!, green!, blue!, 255], 4 * i);
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
  }, [pixels, channels, height, width, overlay]);
  return <canvas className="pixels" ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}
