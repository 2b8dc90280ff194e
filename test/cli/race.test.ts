/** `tailor race`: a race, its result file, the board, and a repeated run. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { base } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { parseRaceResult } from "../../src/report/race.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { type Result, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 300, test: 60 });
const OUT = join(sharedFolder(), "race");
const FILE = join(OUT, "race.json");
const OPTIONS = ["--data", DATA, "--threads", "1"];
const RECIPE = join(OUT, "../quick.json");
const COMMAND = ["race", "92.68", "--recipe", RECIPE, "--seeds", "2", "--out", OUT, ...OPTIONS];

let made: Result;
beforeAll(async () => {
  writeFileSync(RECIPE, JSON.stringify({ ...recipeToJson(base), name: "quick", epochs: 1 }));
  made = await tailor(COMMAND);
});

const read = () => parseRaceResult(readFileSync(FILE, "utf8"), FILE);

test("a race trains, times an epoch of base, tests each run, and says why it does not count", () => {
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(/one epoch of base: \d+\.\d s/);
  expect(made.stdout).toContain("does not count: not trained and tested on the 55,000 and 10,000 images");
  const { target, runs } = read();
  expect(target).toBe(0.9268);
  expect(runs.map(({ record }) => record.seed)).toEqual([1, 2]);
  for (const { record } of runs) {
    expect(record.evaluations?.test?.total).toBe(60);
    expect(record.baseEpochs).toEqual([{ from: 0, seconds: expect.any(Number) }]);
  }
});

test("a race of an earlier version, whose unit is beside the runs, is completed with more seeds", async () => {
  const old = join(OUT, "../old");
  cpSync(OUT, old, { recursive: true });
  rmSync(join(old, "race.json"));
  writeFileSync(join(old, "race.json"), JSON.stringify({ status: "running" }));
  for (const run of ["s1", "s2"]) {
    const { fileSha256: _, baseEpochs: __, ...record } = JSON.parse(readFileSync(join(old, run, "run.json"), "utf8"));
    writeFileSync(join(old, run, "run.json"), JSON.stringify(record));
  }
  writeFileSync(join(old, "base-epochs.json"), JSON.stringify({ 1: 4, 2: 4 }));
  const { code, stderr } = await tailor(COMMAND.with(5, "3").with(7, old));
  expect(code, stderr).toBe(0);
  const { runs } = parseRaceResult(readFileSync(join(old, "race.json"), "utf8"), "race.json");
  expect(runs).toMatchObject([{ baseEpochSeconds: 4 }, { baseEpochSeconds: 4 }, { record: { baseEpochs: [{}] } }]);
  expect(runs[2]).not.toHaveProperty("baseEpochSeconds");
});

test("rerun, it trains and times nothing", async () => {
  const before = read();
  const again = await tailor(COMMAND);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).not.toContain("one epoch of base");
  expect(read()).toEqual(before);
});

test("--verify repeats a run and finds the same weights", async () => {
  const out = join(OUT, "../verified");
  const verified = await tailorJson(["race", "--verify", FILE, "--seed", "2", "--out", out, ...OPTIONS]);
  const recorded = read().runs[1]!.record.evaluations!.test!.accuracy;
  expect(verified).toMatchObject({ seed: 2, recorded, repeated: recorded, hasSameWeights: true, isConfirmed: true });
  const missing = await tailor(["race", "--verify", FILE, "--seed", "9", "--out", out, ...OPTIONS]);
  expect(refusalOf(missing, 2)).toBe("the race has no tested run of seed 9; its seeds are 1, 2");
});

test("--board shows a folder's files; a damaged or foreign one does not count", async () => {
  const folder = join(OUT, "../board");
  mkdirSync(folder);
  copyFileSync(FILE, join(folder, "a.json"));
  writeFileSync(join(folder, "b.json"), readFileSync(FILE, "utf8").slice(0, 100));
  copyFileSync(join(OUT, "s1/run.json"), join(folder, "c.json"));
  const { code, stdout } = await tailor(["race", "--board", folder]);
  expect(code).toBe(0);
  expect(stdout.match(/no race reaches it yet/g)).toHaveLength(5);
  for (const name of ["a", "b", "c"]) expect(stdout).toContain(`${name}.json does not count: `);
});

test("an unknown target is refused with the known ones", async () => {
  expect(refusalOf(await tailor(["race", "96", ...OPTIONS]), 2)).toBe(
    'there is no race to "96" %; choose one of: 92.68, 93.5, 94, 94.5, 95',
  );
});
