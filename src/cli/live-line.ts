import progress from "cli-progress";

/** A part of a live line. */
export interface LinePart {
  readonly text: string;
  /** Which part goes first where the terminal is too narrow for all: that of the highest rank; 0 stays. */
  readonly rank: number;
}

/** What a live line is made of. */
export interface LineState {
  /** The drawn bar. */
  readonly bar: string;
  readonly value: number;
  readonly total: number;
  /** Estimated seconds to the end. */
  readonly eta: number;
}

const BAR_CHARACTERS = 16;
/** Where the terminal does not tell its width, in characters. */
const USUAL_WIDTH = 80;

/** In characters. */
export function terminalWidth(): number {
  return process.stderr.columns || USUAL_WIDTH;
}

/** The parts that fit into a line, in their order: those that matter less are left out first. @param width in characters */
export function fittedLine(parts: readonly LinePart[], width: number): string {
  const line = parts.map(({ text }) => text).join("");
  const least = Math.max(...parts.map(({ rank }) => rank));
  if (line.length <= width || least === 0) return line;
  return fittedLine(
    parts.filter(({ rank }) => rank < least),
    width,
  );
}

/** A live line on standard error with a progress bar; it is cleared at its end. */
export function liveLine<Fields extends object>(
  partsOf: (state: LineState, fields: Fields) => readonly LinePart[],
): progress.SingleBar {
  const { Format, Presets, SingleBar } = progress;
  return new SingleBar(
    {
      format: (options, { progress: share, value, total, eta }, fields: Fields) =>
        fittedLine(partsOf({ bar: Format.BarFormat(share, options), value, total, eta }, fields), terminalWidth()),
      hideCursor: true,
      barsize: BAR_CHARACTERS,
      clearOnComplete: true,
    },
    Presets.legacy,
  );
}
