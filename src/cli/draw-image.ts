import pc from "picocolors";

/** From dark to light. */
const SHADES = " .:-=+*#%@";
const ESCAPE = "\u001b[";

export interface DrawnImage {
  /** 0 to 255, [channels, height, width]. */
  readonly pixels: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Whether standard output shows colours. */
export function showsColours(): boolean {
  return pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR));
}

/**
 * An image as lines for the terminal: with colours two pixels a character (upper half and ground of "▀", 24 bits), without
 * them two equal characters a pixel, dark to light " .:-=+*#%@".
 */
export function drawImage(image: DrawnImage, { colours }: { colours: boolean }): string[] {
  return colours ? halfBlocks(image) : shades(image);
}

function halfBlocks({ pixels, channels, height, width }: DrawnImage): string[] {
  // Gray gives all three the same; below the last row of an odd number is black.
  const colorAt = (row: number, column: number) =>
    [0, 1, 2].map((c) => (row < height ? pixels[((c % channels) * height + row) * width + column]! : 0)).join(";");
  return Array.from({ length: Math.ceil(height / 2) }, (_, line) => {
    const cells = Array.from(
      { length: width },
      (_, column) => `${ESCAPE}38;2;${colorAt(2 * line, column)};48;2;${colorAt(2 * line + 1, column)}m▀`,
    );
    return `${cells.join("")}${ESCAPE}0m`;
  });
}

function shades({ pixels, channels, height, width }: DrawnImage): string[] {
  const plane = height * width;
  const lightness = (i: number) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += pixels[c * plane + i]!;
    return sum / channels / 256;
  };
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) =>
      SHADES[Math.floor(lightness(row * width + column) * SHADES.length)]!.repeat(2),
    )
      .join("")
      .trimEnd(),
  );
}
