import { describe, expect, test } from "vitest";
import { type AnyRunRecord, formatRunRecord, parseRunRecord, type RunRecord } from "../../src/runs/run-record.ts";
import { userErrorOf } from "./support/helpers.ts";
import { finishedRecord, importedRecord, sampleEvaluation, sampleRecord, sampleResult } from "./support/samples.ts";

const FILE = "runs/x/run.json";
const messageFor = (text: string) => userErrorOf(() => parseRunRecord(text, FILE)).message;

type Path = readonly (string | number)[];

/** The places of all fields that must be there, at any depth. */
function fieldsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = [...path, Array.isArray(value) ? Number(key) : key];
    // A recipe may hold anything; evaluations are optional, each by itself too.
    const isFree = path[0] === "recipe" || place.at(-1) === "evaluations" || path.at(-1) === "evaluations";
    const required = isFree || Array.isArray(value) ? [] : [place];
    return [...required, ...fieldsOf(inner, place)];
  });
}

/** A copy of the record as plain JSON, with `change` applied to the object that holds the field at `path`. */
function changed(record: AnyRunRecord, path: Path, change: (holder: object, key: string | number) => void): string {
  const copy: unknown = JSON.parse(JSON.stringify(record));
  let holder = copy;
  for (const key of path.slice(0, -1)) holder = Reflect.get(Object(holder), key);
  change(Object(holder), path.at(-1)!);
  return JSON.stringify(copy);
}

const written = (path: Path) =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)).join("");

describe("a record", () => {
  test.each([sampleRecord, finishedRecord, importedRecord])("is read as it was written ($status)", (record) => {
    expect(parseRunRecord(formatRunRecord(record), FILE)).toEqual(record);
  });

  test("of the standard lowering has no block size", () => {
    const record = { ...finishedRecord, lowering: "standard", blockSize: null } as const;
    expect(parseRunRecord(formatRunRecord(record), FILE)).toEqual(record);
  });

  test("is written as indented JSON that ends its last line", () => {
    const text = formatRunRecord(sampleRecord);
    expect(text.startsWith('{\n  "format": 1,\n  "recipeName": "base",')).toBe(true);
    expect(text.endsWith("}\n")).toBe(true);
    expect(JSON.parse(text)).toEqual(sampleRecord);
  });

  test("keeps all fields of a recipe", () => {
    const recipe = { "a.b": [1, { c: null }], ü: "x", deep: { deeper: { deepest: [[], {}] } } };
    expect(parseRunRecord(formatRunRecord({ ...sampleRecord, recipe }), FILE)).toEqual({ ...sampleRecord, recipe });
  });

  test.each([
    ["base-seed", "base-study"],
    ["enhanced-seed", "enhanced-study"],
  ])("of a recipe that was called %s is read as %s", (earlier, current) => {
    const text = formatRunRecord({ ...sampleRecord, recipeName: earlier, recipe: { name: earlier, epochs: 10 } });
    const expected = { ...sampleRecord, recipeName: current, recipe: { name: current, epochs: 10 } };
    expect(parseRunRecord(text, FILE)).toEqual(expected);
  });

  test.each<[string, Partial<RunRecord>, string]>([
    ["epochs", { recipe: { epochs: 12 } }, '"recipe.epochs": 12 contradicts 10 of field "epochs"'],
    ["batch size", { recipe: { batchSize: 64 } }, '"recipe.batchSize": 64 contradicts 128 of field "batchSize"'],
    ["rate", { recipe: { learningRate: 1 } }, '"recipe.learningRate": 1 contradicts 0.001 of field "learningRate"'],
    ["name", { recipe: { name: "tiny" } }, '"recipe.name": "tiny" contradicts "base" of field "recipeName"'],
    ["network", { recipe: { model: "tiny" } }, '"recipe.model": "tiny" contradicts "base" of field "model"'],
    [
      "accuracy",
      { evaluations: { test: { ...sampleEvaluation, correct: 9313 } } },
      '"evaluations.test": an accuracy of 0.9312 contradicts 9313 correct of 10000',
    ],
    [
      "channels",
      {
        data: {
          ...sampleRecord.data,
          image: { channels: 3, height: 28, width: 28 },
          normalization: { mean: [0.3], standardDeviation: [0.3] },
        },
      },
      '"data.normalization.mean": 1 numbers contradict 3 channels',
    ],
  ])("whose fields contradict each other is refused: %s", (_, changes, problem) => {
    const text = JSON.stringify({ ...finishedRecord, ...changes });
    const { message } = userErrorOf(() => parseRunRecord(text, FILE));
    expect(message).toBe(`${FILE}: field ${problem}; restore the file from a copy, or train again into another folder`);
  });

  const fields = fieldsOf(finishedRecord);
  test("the tests below cover every field", () => {
    expect(fields.length).toBe(53);
  });

  test.each(fields.map((path) => [written(path), path] as const))(
    "without %s it is refused by that name",
    (name, path) => {
      const message = messageFor(changed(finishedRecord, path, (holder, key) => Reflect.deleteProperty(holder, key)));
      expect(message).toContain(`${FILE}: field "${name}": expected `);
      expect(message).toMatch(/, found nothing; restore the file from a copy, or train again into another folder$/);
    },
  );

  test.each(fields.map((path) => [written(path), path] as const))("with a list as %s it is refused", (name, path) => {
    const message = messageFor(changed(finishedRecord, path, (holder, key) => Reflect.set(holder, key, [[]])));
    expect(message).toMatch(/^runs\/x\/run\.json: field ".*": expected .*, found /);
    expect(message).toContain(`field "${name}`);
  });

  test.each<[string, Path, unknown, RegExp]>([
    ["an unknown field", ["colour"], "red", /field "colour": expected no such field, found "red"/],
    ["an unknown inner field", ["cpu", "ghz"], 2, /field "cpu.ghz": expected no such field, found 2/],
    [
      "a broken count",
      ["batchSize"],
      1.5,
      /field "batchSize": expected int, .*found 1.5|field "batchSize": expected int, found 1.5/,
    ],
    ["no batch", ["batchSize"], 0, /field "batchSize": expected .*>=1, found 0/],
    ["a negative seed", ["seed"], -1, /field "seed": expected .*>=0, found -1/],
    ["a seed above 2^53", ["seed"], 2 ** 53, /field "seed": expected .*<=9007199254740991, found 9007199254740992/],
    ["another part of the data", ["trainOn"], "test", /field "trainOn": expected one of "split"\|"all", found "test"/],
    ["another lowering", ["lowering"], "fast", /field "lowering": expected one of "standard"\|"blocked"/],
    [
      "another status",
      ["status"],
      "done",
      /field "status": expected "running", "finished" or "imported", found "done"/,
    ],
    [
      "a date in words",
      ["startedAt"],
      "today",
      /field "startedAt": expected a date and time like 2026-.*, found "today"/,
    ],
    [
      "a short checksum",
      ["data", "files", 0, "sha256"],
      "c5",
      /field "data.files\[0\].sha256": expected 64 hexadecimal digits/,
    ],
    [
      "an accuracy in percent",
      ["result", "trainAccuracy"],
      96,
      /field "result.trainAccuracy": expected .*<=1, found 96/,
    ],
    ["an unknown evaluation", ["evaluations", "train"], {}, /field "evaluations.train": expected no such field/],
    ["a result while it runs", ["status"], "running", /field "result": expected null, found "\{\.\.\.\}"/],
  ])("%s is refused", (_, path, value, message) => {
    expect(messageFor(changed(finishedRecord, path, (holder, key) => Reflect.set(holder, key, value)))).toMatch(
      message,
    );
  });

  test("a finished run without a result is refused", () => {
    expect(messageFor(JSON.stringify({ ...sampleRecord, status: "finished" }))).toMatch(
      /field "result": expected object, found null/,
    );
  });

  const ofImport = fieldsOf(importedRecord);
  test.each(ofImport.map((path) => [written(path), path] as const))(
    "of imported weights is refused without %s, by that name",
    (name, path) => {
      const text = changed(importedRecord, path, (holder, key) => Reflect.deleteProperty(holder, key));
      expect(messageFor(text)).toContain(`${FILE}: field "${name}": expected `);
    },
  );

  test("of imported weights contains no training", () => {
    expect(ofImport.length).toBe(25);
    const { seed } = sampleRecord;
    expect(messageFor(JSON.stringify({ ...importedRecord, seed }))).toMatch(/field "seed": expected no such field/);
    expect(messageFor(JSON.stringify({ ...importedRecord, result: sampleResult }))).toMatch(/field "result"/);
  });

  test("several problems: the first, and how many more", () => {
    const { seed: _, threads: __, ...rest } = sampleRecord;
    expect(messageFor(JSON.stringify(rest))).toMatch(/field "seed": expected .*, found nothing \(and 1 more\); /);
  });

  test.each([
    ["", /expected JSON, found something else \(.+\); restore/],
    ['{"format": 1', /expected JSON, found something else/],
    ["null", /run\.json: expected an object, found null; /],
    ["[]", /run\.json: expected an object, found \[\]; /],
    ['"run"', /expected an object, found "run"/],
    ["{}", /field "status": expected "running", "finished" or "imported", found nothing/],
    [`{"recipe":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, /field "status"/],
  ])("damaged JSON %# is refused", (text, message) => {
    expect(messageFor(text)).toMatch(message);
  });

  test("another format is reported before any other problem", () => {
    expect(messageFor('{"format":2,"novelty":true}')).toBe(
      `${FILE}: field "format": expected 1, found 2; another version of tailor wrote this run: use that version`,
    );
  });
});

describe("formatRunRecord", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a loss of %d is refused: JSON would make it null", (trainLoss) => {
    const record: RunRecord = { ...sampleRecord, status: "finished", result: { ...sampleResult, trainLoss } };
    expect(() => formatRunRecord(record)).toThrow(RangeError);
    expect(() => formatRunRecord(record)).toThrow(
      `run record: field "result.trainLoss": expected number, found ${trainLoss}`,
    );
  });
});

test("a message about text that is no JSON is one line without control characters, whatever it quotes", () => {
  const { message } = userErrorOf(() => parseRunRecord('{\n  "a":\n \u001b[31m\u0000,\n}', "run.json"));
  expect(message).toMatch(/^run\.json: expected JSON, found something else \(/);
  expect(message).not.toMatch(/\p{Cc}/u);
});
