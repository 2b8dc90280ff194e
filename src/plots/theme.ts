/**
 * Colours and fonts of all figures. The colours are from Okabe and Ito, "Color Universal Design" (2008), and can be
 * distinguished with any colour vision; in black and white, dashes and symbols carry the same information.
 */
export const COLORS = {
  blue: "#0072b2",
  vermillion: "#d55e00",
  green: "#009e73",
  skyBlue: "#56b4e9",
} as const;

/** Colours of text, text on colours, secondary lines, and the background. */
export const INK = {
  text: "#222222",
  strong: "#000000",
  quiet: "#595959",
  rule: "#dedede",
  pale: "#f9f9f9",
  paper: "#ffffff",
} as const;

/** PNG files use DejaVu Sans; Verdana is similar and a few percent wider. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, Geneva, sans-serif";

/** Font sizes in pixels. */
export const FONT_PX = { title: 17, heading: 14, text: 12, small: 11 } as const;

/** Line height, relative to the font size. */
export const LINE_HEIGHT = 1.35;

/** Margin of a figure, in pixels. */
export const MARGIN_PX = 14;

/** Interpolates two "#rrggbb" colours: `from` at 0, `to` at 1. */
export function mix(from: string, to: string, share: number): string {
  const [a, b] = [channels(from), channels(to)];
  const mixed = a.map((value, i) => Math.round(value + share * (b[i]! - value)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** The colour of `inks` with the highest contrast on `paper`. */
export function readableOn(paper: string, inks: readonly [string, ...string[]]): string {
  return inks.reduce((best, ink) => (contrast(ink, paper) > contrast(best, paper) ? ink : best));
}

/** Contrast ratio of two colours, 1 to 21, as the Web Content Accessibility Guidelines 2.1 define it. */
export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}

function luminance(color: string): number {
  const [red, green, blue] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16));
}
