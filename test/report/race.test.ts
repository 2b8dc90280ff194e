/** The board of the race: what counts and what does not, and docs/race.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FASHION_MNIST } from "../../src/data/fashion-mnist.ts";
import { readRaces } from "../../src/experiments/race.ts";
import { RACE_TARGETS } from "../../src/recipes/race.ts";
import { checkRecipe, recipeToJson } from "../../src/recipes/recipe.ts";
import { recipeFromJson } from "../../src/recipes/recipe-json.ts";
import { racePoints } from "../../src/report/cost-points.ts";
import { parseRaceResult, type RaceResult, type RaceRun, raceRow, raceTable } from "../../src/report/race.ts";
import { tableLines, tableMarkdown } from "../../src/report/tables.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { finishedRecord, sampleEvaluation, sampleResult } from "../runs/support/samples.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const FILES = Object.values(FASHION_MNIST.files).map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));

/** A tested run on the published data, of 44.5 s at 10 s an epoch of base. */
function runOf(seed: number, accuracy = 0.93, changes: Partial<RaceRun["record"]> = {}): RaceRun {
  const record = {
    ...(finishedRecord as RaceRun["record"]),
    seed,
    data: { ...finishedRecord.data, files: FILES },
    result: { ...sampleResult, weightsSha256: String(seed).padStart(64, "0") },
    evaluations: { test: { ...sampleEvaluation, accuracy } },
    ...changes,
  };
  return { baseEpochSeconds: 10, record };
}

const raceOf = (runs: readonly RaceRun[], target = 0.9268): RaceResult => ({
  status: "finished",
  race: 1,
  target,
  runs: [...runs],
});
const TEN = Array.from({ length: 10 }, (_, i) => runOf(i + 1, 0.9268 + (i - 4) / 10_000));

describe("a race", () => {
  test("of enough seeds whose mean reaches the target counts, with seconds and base epochs", () => {
    const row = raceRow(raceOf(TEN));
    expect(row).toMatchObject({
      recipe: "base",
      epochs: 10,
      seconds: 44.5,
      baseEpochs: expect.closeTo(4.45, 10),
      problem: null,
    });
    expect(row.accuracy).toMatchObject({ n: 10, mean: expect.closeTo(0.92685, 10) });
    expect(row.accuracy.standardDeviation).toBeCloseTo(3.0277e-4, 8);
  });

  const [first, ...others] = TEN as [RaceRun, ...RaceRun[]];
  test.each<[string, readonly RaceRun[], RegExp]>([
    ["few seeds", TEN.slice(0, 9), /^9 seeds; 10 are needed$/],
    ["a mean below the target", TEN.map((_, i) => runOf(i + 1, 0.9267)), /^mean 92\.67 % is below 92\.68 %$/],
    ["chosen seeds", [...TEN.slice(0, 9), runOf(11)], /^its seeds are 1, .*, 9, 11, not 1 to 10$/],
    ["the same weights twice", [...TEN.slice(0, 9), runOf(10, 0.93, { result: first.record.result })], /occurs twice/],
    ["different recipes", [...others, runOf(1, 0.93, { recipe: { epochs: 3 } })], /different recipes/],
    ["an untested run", [...TEN.slice(0, 9), runOf(10, 0.93, { evaluations: {} })], /a run is not tested/],
    ["fewer images", [runOf(1, 0.93, { limit: 5000 }), ...others], /not trained and tested on the 55,000/],
    ["validation images in training", [runOf(1, 0.93, { trainOn: "all" }), ...others], /not trained and tested/],
    [
      "other data",
      [runOf(1, 0.93, { data: finishedRecord.data as RaceRun["record"]["data"] }), ...others],
      /images of Fashion-MNIST/,
    ],
  ])("with %s does not count, and says so", (_, runs, problem) => {
    expect(raceRow(raceOf(runs)).problem).toMatch(problem);
  });

  test("has the unit of each run's own process, of each of its parts where several trained it", () => {
    const [, ...others] = TEN as [RaceRun, ...RaceRun[]];
    const own = (baseEpochs: NonNullable<RaceRun["record"]["baseEpochs"]>, changes = {}): RaceRun => ({
      record: runOf(1, 0.9268, { baseEpochs, ...changes }).record,
    });
    const alone = (run: RaceRun) => raceRow(raceOf([run])).baseEpochs;
    // 44.5 s, in seconds of one epoch of base.
    expect(alone(own([{ from: 0, seconds: 5 }]))).toBeCloseTo(8.9, 10);
    expect(
      alone(
        own([
          { from: 0, seconds: 5 },
          { from: 20, seconds: 2.5 },
        ]),
      ),
    ).toBeCloseTo(4 + 9.8, 10);
    // What an earlier version trained before it was resumed.
    expect(alone(own([{ from: 20, seconds: 5 }]))).toBeCloseTo(8.9, 10);
    const slow = own([{ from: 0, seconds: 20 }], { cpu: { model: "Slow", cores: 1 } });
    const row = raceRow(raceOf([slow, ...others]));
    expect(row.baseEpochs).toBeCloseTo((2.225 + 9 * 4.45) / 10, 10);
    expect(row).toMatchObject({ machines: ["Slow, 2 threads", expect.stringMatching(/, 2 threads$/)], problem: null });
  });

  test("to an arbitrary accuracy does not count", () => {
    expect(raceRow(raceOf(TEN, 0.92)).problem).toBe("92.00 % is not a target of the race");
  });
});

describe("a result file", () => {
  test("is read as it was written", () => {
    expect(parseRaceResult(JSON.stringify(raceOf(TEN)), "race.json")).toEqual(raceOf(TEN));
  });

  test.each([
    ["{", /^race\.json: expected JSON/],
    [JSON.stringify(finishedRecord), /^race\.json: field "race"|^race\.json: /],
    [JSON.stringify({ ...raceOf(TEN), runs: [] }), /^race\.json: field "runs"/],
    [JSON.stringify(raceOf([{ ...runOf(1), baseEpochSeconds: 0 }])), /field "runs\[0\]\.baseEpochSeconds"/],
    [JSON.stringify(raceOf([{ record: runOf(1).record }])), /field "runs\[0\]": expected the unit of the run's time/],
  ])("that is damaged or of another kind is refused: %#", (text, message) => {
    expect(userErrorOf(() => parseRaceResult(text, "race.json")).message).toMatch(message);
  });
});

test("the board lists the fastest first, targets without a race, and files that do not count", () => {
  const row = raceRow(raceOf(TEN));
  const slower = { ...row, recipe: "slow", baseEpochs: 9 };
  const few = { ...row, problem: "9 seeds; 10 are needed" };
  const lines = tableLines(
    raceTable([
      { file: "slow.json", row: slower, problem: null },
      { file: "fast.json", row, problem: null },
      { file: "few.json", row: few, problem: few.problem },
      { file: "damaged.json", problem: "damaged.json: expected JSON" },
    ]),
  );
  const text = lines.join("\n");
  expect(lines.findIndex((line) => / base .* 4\.5 /.test(line))).toBeLessThan(
    lines.findIndex((line) => / slow .* 9\.0 /.test(line)),
  );
  expect(text.match(/no race reaches it yet/g)).toHaveLength(RACE_TARGETS.length - 1);
  expect(
    racePoints([
      { file: "fast.json", row, problem: null },
      { file: "few.json", row: few, problem: "few" },
    ]),
  ).toEqual([
    {
      name: "base",
      x: row.baseEpochs,
      accuracy: row.accuracy.mean,
      low: row.accuracy.mean - row.accuracy.standardDeviation!,
      high: row.accuracy.mean + row.accuracy.standardDeviation!,
      kind: "ours",
    },
  ]);
  expect(text).toContain("few.json does not count: 9 seeds; 10 are needed.");
  expect(text).toContain("damaged.json does not count: damaged.json: expected JSON.");
});

test("tailor's recipes for the targets are valid, and read from a record unchanged", () => {
  for (const { recipe } of RACE_TARGETS) {
    expect(() => checkRecipe(recipe)).not.toThrow();
    expect(recipeFromJson(JSON.parse(JSON.stringify(recipeToJson(recipe))), "run.json")).toEqual(recipe);
  }
});

test("docs/race.md shows the board of docs/race, whose files all count", () => {
  const entries = readRaces(join(DOCS, "race"));
  expect(entries.filter(({ problem }) => problem !== null)).toEqual([]);
  expect(readFileSync(join(DOCS, "race.md"), "utf8")).toContain(tableMarkdown(raceTable(entries)));
});
