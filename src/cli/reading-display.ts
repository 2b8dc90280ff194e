import type progress from "cli-progress";
import type { OnRead } from "../data/node/read-pictures.ts";
import { count, duration } from "../text.ts";
import { type LinePart, type LineState, liveLine } from "./live-line.ts";
import type { Output } from "./output.ts";

/** Nothing is shown of what takes less time, in milliseconds. */
const SHOWN_AFTER_MS = 1000;
/** A log, which has no live line, gets one line about what takes longer, in milliseconds. */
const LOGGED_AFTER_MS = 5000;

/** What the live line shows beside its bar. */
interface LineFields {
  readonly speed: string;
  readonly left: string;
}

export function readingLine({ bar, value, total }: LineState, { speed, left }: LineFields): LinePart[] {
  return [
    { text: "decoding ", rank: 3 },
    { text: `${bar} `, rank: 2 },
    { text: `${value}/${total} pictures`, rank: 0 },
    { text: ` | ${speed} a second`, rank: 1 },
    { text: ` | ${left} left`, rank: 0 },
  ];
}

/**
 * Shows how far the decoding of pictures is: a live line on a terminal, otherwise a time estimate.
 *
 * @param now milliseconds of a clock
 */
export async function whileReading<Result>(
  output: Output,
  work: (onRead: OnRead) => Promise<Result>,
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
      output.note(
        `${count(read)} of ${count(of)} pictures decoded, ${fields.speed} a second, about ${fields.left} left`,
      );
    } else if (bar) {
      bar.update(read, fields);
    } else if (elapsed >= SHOWN_AFTER_MS) {
      bar = liveLine(readingLine);
      bar.start(of, read, fields);
    }
  };
  try {
    return await work(onRead);
  } finally {
    bar?.stop();
  }
}
