import { describe, expect, test } from "vitest";
import { formatMetrics, parseMetrics } from "../../src/runs/metrics.ts";
import { userErrorOf } from "./support/helpers.ts";
import { sampleMetrics } from "./support/samples.ts";

const FILE = "runs/x/metrics.jsonl";
const good = formatMetrics(sampleMetrics);
const messageFor = (text: string) => userErrorOf(() => parseMetrics(text, FILE)).message;

describe("metrics", () => {
  test("are read as they were written, one line per epoch", () => {
    expect(parseMetrics(good, FILE)).toEqual(sampleMetrics);
    expect(good.split("\n").length).toBe(sampleMetrics.length + 1);
    expect(good.split("\n")[0]).toBe(JSON.stringify(sampleMetrics[0]));
  });

  test("may be empty, and may lack the last end of line", () => {
    expect(formatMetrics([])).toBe("");
    expect(parseMetrics("", FILE)).toEqual([]);
    expect(parseMetrics(good.trimEnd(), FILE)).toEqual(sampleMetrics);
  });

  test.each(Object.keys(sampleMetrics[0]!))("a line without %s is refused by line and name", (key) => {
    const text = sampleMetrics
      .map((line, i) => JSON.stringify(i === 1 ? { ...line, [key]: undefined } : line))
      .join("\n");
    expect(messageFor(text)).toContain(`${FILE}, line 2: field "${key}": expected `);
    expect(messageFor(text)).toMatch(/, found nothing; restore the file from a copy, or mend or remove the line$/);
  });

  test("may contain the validation confusion matrix; a table that is not square or not of counts is refused", () => {
    const confusion = [
      [3, 1],
      [0, 2],
    ];
    const lines = sampleMetrics.map((line, i) => (i === 1 ? { ...line, validationConfusion: confusion } : line));
    expect(parseMetrics(formatMetrics(lines), FILE)).toEqual(lines);
    const withTable = (table: unknown) => JSON.stringify({ ...sampleMetrics[0], validationConfusion: table });
    expect(messageFor(withTable([[1, 2]]))).toContain(
      'line 1: field "validationConfusion": expected as many columns as rows',
    );
    expect(messageFor(withTable([[0.5]]))).toContain('line 1: field "validationConfusion[0][0]": expected ');
    expect(messageFor(withTable([[-1]]))).toContain('line 1: field "validationConfusion[0][0]": expected ');
  });

  test("a truncated last line, an empty line and an invalid line are refused with their number", () => {
    expect(messageFor(good.slice(0, -10))).toMatch(
      /^runs\/x\/metrics\.jsonl, line 3: expected JSON, found something else/,
    );
    expect(messageFor(good.replace("\n", "\n\n"))).toMatch(/, line 2: expected JSON/);
    expect(messageFor(`${good}{"epoch":"four"}\n`)).toMatch(/, line 4: field "epoch": expected number, found "four"/);
    expect(messageFor(`${good}7\n`)).toMatch(/, line 4: expected object, found 7/);
    expect(messageFor(good.replace("}", ',"colour":1}'))).toMatch(/, line 1: field "colour": expected no such field/);
  });

  test("a loss that JSON cannot hold is refused when it is written", () => {
    const lines = [sampleMetrics[0]!, { ...sampleMetrics[1]!, trainLoss: Number.NaN }];
    expect(() => formatMetrics(lines)).toThrow(RangeError);
    expect(() => formatMetrics(lines)).toThrow('metrics line 2: field "trainLoss": expected number, found NaN');
  });
});
