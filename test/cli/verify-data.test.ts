/** `data verify`: data of one's own against the record of their first training. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { DataVerification } from "../../src/runs/node/verify-data.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const RUNS = join(FOLDER, "runs");
const PICTURES = join(FOLDER, "pictures");
const IDX = join(FOLDER, "idx");
const LABELS = "t10k-labels-idx1-ubyte";

beforeAll(async () => {
  await putClasses(PICTURES, { red: 10, blue: 10 }, { width: 20, height: 20 });
  cpSync(await smallDataFolder(), IDX, { recursive: true });
  const train = (data: string, name: string) =>
    tailor([
      "train",
      "base",
      "--data",
      data,
      "--epochs",
      "1",
      "--limit",
      "16",
      "--threads",
      "1",
      "--skip-report",
      "--out",
      join(RUNS, name),
    ]);
  for (const [data, name] of [
    [PICTURES, "pictures"],
    [IDX, "idx"],
    [IDX, "idx-again"],
  ] as const) {
    expect((await train(data, name)).code).toBe(0);
  }
});

const verify = (folder: string, runs = RUNS) => tailorJson<DataVerification>(["data", "verify", folder, runs]);

describe.each([
  ["pictures", PICTURES, 20],
  ["IDX files", IDX, 4],
])("%s", (_, data, files) => {
  test("as they were", async () => {
    const { code, stdout } = await tailor(["data", "verify", data, RUNS]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${data}: all ${files} files as when ${RUNS}/`)]);
    expect(await verify(data)).toMatchObject({ folder: data, files, changed: [], missing: [], added: [] });
  });

  test("elsewhere: only a run that is named counts", async () => {
    const moved = join(temporaryFolder(), "moved");
    cpSync(data, moved, { recursive: true });
    expect(refusalOf(await tailor(["data", "verify", moved, RUNS]), 1)).toMatch(
      /^no run in .*runs was trained on .*moved, so nothing is recorded/,
    );
    expect(await verify(moved, join(RUNS, data === IDX ? "idx" : "pictures"))).toMatchObject({ files, changed: [] });
  });
});

test("of several trainings the first one counts", async () => {
  expect((await verify(IDX)).run).toBe(join(RUNS, "idx"));
});

test("a flipped bit and missing pictures are named, and the exit code is 1", async () => {
  const data = join(temporaryFolder(), "pictures");
  cpSync(PICTURES, data, { recursive: true });
  const { pictures } = JSON.parse(readFileSync(join(RUNS, "pictures", "split.json"), "utf8"));
  const [first, second] = pictures as [{ file: string; sha256: string }, { file: string }];
  const bytes = readFileSync(join(data, first.file));
  bytes[50]! ^= 1;
  writeFileSync(join(data, first.file), bytes);
  rmSync(join(data, second.file));
  const { code, stdout } = await tailor(["data", "verify", data, join(RUNS, "pictures")]);
  expect(code).toBe(1);
  expect(stdout).toMatch(new RegExp(`^changed: ${first.file}: SHA-256 [0-9a-f]{64}, was ${first.sha256}$`, "m"));
  expect(stdout).toContain(`missing: ${second.file}\n`);
  expect(stdout).toContain("of 20 files 1 changed, 1 missing; 0 added");
});

test("a changed label of IDX files is noticed, which no reader can tell; evaluation refuses it too", async () => {
  const data = join(temporaryFolder(), "idx");
  cpSync(IDX, data, { recursive: true });
  const labels = readFileSync(join(data, LABELS));
  labels[8] = labels[9]!;
  labels[10] = (labels[10]! + 1) % 10;
  writeFileSync(join(data, LABELS), labels);
  const run = join(RUNS, "idx");
  const { code, stdout } = await tailor(["data", "verify", data, run]);
  expect([code, stdout]).toEqual([1, expect.stringContaining(`changed: ${LABELS}: SHA-256`)]);
  expect(refusalOf(await tailor(["evaluate", run, "--data", data, "--threads", "1"]), 1)).toContain(
    "was trained on other data",
  );
});

test("without runs it says what to do", async () => {
  const empty = join(temporaryFolder(), "runs");
  mkdirSync(empty);
  expect(refusalOf(await tailor(["data", "verify", PICTURES, empty]), 1)).toContain("name such a run, or train once");
});
