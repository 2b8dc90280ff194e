/**
 * Colours and letters of every figure. The colours are those of Okabe and Ito, "Color Universal Design" (2008), which
 * people with any colour vision can tell apart; on paper without colour, dashes and symbols tell the same.
 */
export const COLORS = {
  blue: "#0072b2",
  vermillion: "#d55e00",
  green: "#009e73",
  skyBlue: "#56b4e9",
} as const;

/** Text, text on colours, lines beside the data, and paper. */
export const INK = {
  text: "#222222",
  strong: "#000000",
  quiet: "#595959",
  rule: "#dedede",
  pale: "#f9f9f9",
  paper: "#ffffff",
} as const;

/** DejaVu Sans is what PNG files are drawn with; Verdana, its near twin, is wider by a few parts in a hundred. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, Geneva, sans-serif";

/** Sizes of letters in pixels. */
export const FONT_PX = { title: 17, heading: 14, text: 12, small: 11 } as const;

/** Distance of lines of text, in sizes of their letters. */
export const LINE_HEIGHT = 1.35;

/** Empty border of a figure, in pixels. */
export const MARGIN_PX = 14;

/** "#rrggbb" between two colours: `from` at 0, `to` at 1. */
export function mix(from: string, to: string, share: number): string {
  const [a, b] = [channels(from), channels(to)];
  const mixed = a.map((value, i) => Math.round(value + share * (b[i]! - value)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** The one of `inks` that is read best on `paper`. */
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
