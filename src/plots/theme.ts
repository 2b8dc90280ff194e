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
