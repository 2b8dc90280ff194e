import { expect, test } from "vitest";
import { createOutput, type Output } from "../../src/cli/output.ts";
import { whileReading } from "../../src/cli/reading-display.ts";
import type { OnRead } from "../../src/data/node/read-pictures.ts";

/** Reads 100 pictures, one each `everyMs` milliseconds. @returns the lines in the log */
async function logOf(everyMs: number): Promise<string[]> {
  const lines: string[] = [];
  const output: Output = { ...createOutput({ isJson: false }), isInteractive: false, note: (line) => lines.push(line) };
  let time = 0;
  const work = async (onRead: OnRead) => {
    for (let read = 1; read <= 100; read++) {
      onRead(read, 100);
      time += everyMs;
    }
    return "the result";
  };
  expect(await whileReading(output, work, undefined, () => time)).toBe("the result");
  return lines;
}

test("a log has one line, with an estimate, about pictures that take longer to decode than a moment", async () => {
  expect(await logOf(10)).toEqual([]);
  expect(await logOf(100)).toEqual(["51 of 100 pictures decoded, 10 a second, about 5 s left"]);
});
