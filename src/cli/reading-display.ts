import type progress from "cli-progress";
import type { OnRead } from "../data/node/read-pictures.ts";
import { count, duration } from "../text.ts";
import { type LinePart, type LineState, liveLine } from "./live-line.ts";
import type { Output } from "./output.ts";

/** Nothing is shown of what takes less time, in milliseconds. */
const SHOWN_AFTER_MS = 1000;
/** A log, which has no live line, gets one line about what takes longer, in milliseconds. */
const LOGGED_AFTER_MS = 5000;

/** What is counted, before and after its number. */
interface ReadingWords {
  readonly doing: string;
  readonly done: string;
}

const DECODING: ReadingWords = { doing: "decoding", done: "pictures decoded" };

/** What the live line shows beside its bar. */
interface LineFields {
  readonly speed: string;
  readonly left: string;
}

export function readingLine(
  { bar, value, total }: LineState,
  { speed, left }: LineFields,
  { doing }: ReadingWords = DECODING,
): LinePart[] {
  return [
    { text: `${doing} `, rank: 3 },
    { text: `${bar} `, rank: 2 },
    { text: `${value}/${total} pictures`, rank: 0 },
    { text: ` | ${speed} a second`, rank: 1 },
    { text: ` | ${left} left`, rank: 0 },
  ];
}

/**
 * Shows how far the decoding of pictures, or other work on each of them, is: a live line on a terminal, otherwise a time
 * estimate.
 *
 * @param now milliseconds of a clock
 */
export async function whileReading<Result>(
  output: Output,
  work: (onRead: OnRead) => Promise<Result>,
  { doing, done }: ReadingWords = DECODING,
  now: () => number = () => performance.now(),
): Promise<Result> {
  let bar: progress.SingleBar | undefined;
  let started: number | undefined;
  let isLogged = false;
  const onRead: OnRead = (read, of) => {
    started ??= now();
    const elapsed = now() - started;
    const speed = (1000 * read) / elapsed;
    const fields = { speed: count(speed), left: duration((of - read) / speed) };
    if (read === of) {
      bar?.stop();
      bar = undefined;
    } else if (!output.isInteractive) {
      if (isLogged || elapsed < LOGGED_AFTER_MS) return;
      isLogged = true;
      output.note(`${count(read)} of ${count(of)} ${done}, ${fields.speed} a second, about ${fields.left} left`);
    } else if (bar) {
      bar.update(read, fields);
    } else if (elapsed >= SHOWN_AFTER_MS) {
      bar = liveLine((state, fields: LineFields) => readingLine(state, fields, { doing, done }));
      bar.start(of, read, fields);
    }
  };
  try {
    return await work(onRead);
  } finally {
    bar?.stop();
  }
}
