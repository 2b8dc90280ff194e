import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { openRun, readStateIfWhole } from "../../src/runs/node/run-files.ts";
import { createRunFolder, openRunFolder } from "../../src/runs/node/run-folder.ts";
import { defaultRunPath, findRun, listRuns, runStatus, runsIn } from "../../src/runs/node/run-status.ts";
import type { RunRecord } from "../../src/runs/run-record.ts";
import { temporaryFolder, userErrorOf } from "./support/helpers.ts";
import { finishedRecord, sampleRecord, sampleTensors } from "./support/samples.ts";

function runWith(path: string, record: RunRecord, { state = false } = {}): string {
  const folder = createRunFolder(path);
  folder.writeRecord(record);
  if (state) folder.writeState(sampleTensors, {});
  folder.close();
  return path;
}

describe("findRun and runStatus", () => {
  test("a folder without run.json is no run; a run that nobody trains is finished or interrupted", () => {
    const parent = temporaryFolder();
    const at = (name: string) => join(parent, name);
    mkdirSync(at("empty"));
    writeFileSync(at("file"), "");
    for (const path of [at("none"), at("empty"), at("file"), join(at("file"), "x")]) {
      expect(findRun(path)).toBeUndefined();
    }
    expect(findRun(runWith(at("done"), finishedRecord))).toEqual({ path: at("done"), record: finishedRecord });
    expect(runStatus(openRun(at("done")))).toBe("finished");
    expect(runStatus(openRun(runWith(at("begun"), sampleRecord)))).toBe("interrupted");
  });

  test("a run whose folder is locked is running, whenever its record was read", () => {
    const { folder } = openRunFolder(runWith(join(temporaryFolder(), "run"), sampleRecord));
    const run = openRun(folder.path);
    expect(runStatus(run)).toBe("running");
    folder.close();
    expect(runStatus(run)).toBe("interrupted");
  });

  test("a damaged record is found as its error", () => {
    const path = runWith(join(temporaryFolder(), "run"), sampleRecord);
    writeFileSync(join(path, "run.json"), '{"format":1}');
    expect(findRun(path)).toBeInstanceOf(UserError);
    expect(findRun(path)).toMatchObject({ message: expect.stringMatching(/run\.json: field "status"/) });
  });
});

describe("readStateIfWhole", () => {
  test("null where there is no state, or a damaged one", () => {
    const path = runWith(join(temporaryFolder(), "run"), sampleRecord);
    expect(readStateIfWhole(path)).toBeNull();
    writeFileSync(join(path, "state.safetensors"), "damaged");
    expect(readStateIfWhole(path)).toBeNull();
    expect(readStateIfWhole(runWith(path, sampleRecord, { state: true }))?.tensors).toEqual(sampleTensors);
  });

  test("an inaccessible state is not treated as missing: the run is not started over", () => {
    const path = runWith(join(temporaryFolder(), "run"), sampleRecord, { state: true });
    renameSync(join(path, "state.safetensors"), join(path, "elsewhere"));
    mkdirSync(join(path, "state.safetensors"));
    expect(userErrorOf(() => readStateIfWhole(path)).message).toMatch(
      /^cannot read .*state\.safetensors: .*\(EISDIR\)/,
    );
    expect(userErrorOf(() => createRunFolder(path)).message).toMatch(/^cannot read .*state\.safetensors/);
  });
});

describe("listRuns", () => {
  test("lists runs newest first, damaged ones as such, and nothing else", () => {
    const parent = temporaryFolder();
    const startedAt = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
    runWith(join(parent, "b-oldest"), { ...finishedRecord, startedAt: startedAt(1) });
    runWith(join(parent, "a-newest"), { ...sampleRecord, startedAt: startedAt(5) });
    runWith(join(parent, "c"), { ...finishedRecord, startedAt: startedAt(3) });
    runWith(join(parent, "d"), { ...finishedRecord, startedAt: startedAt(3) });
    const damaged = runWith(join(parent, "broken"), sampleRecord);
    writeFileSync(join(damaged, "run.json"), "");
    utimesSync(join(damaged, "run.json"), new Date(startedAt(2)), new Date(startedAt(2)));
    mkdirSync(join(parent, "plots"));
    writeFileSync(join(parent, "notes.txt"), "");
    const elsewhere = runWith(join(temporaryFolder(), "far"), { ...finishedRecord, startedAt: startedAt(4) });
    symlinkSync(elsewhere, join(parent, "linked"));
    symlinkSync("nowhere", join(parent, "dangling"));
    const runs = listRuns(parent);
    expect(runs.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "a-newest interrupted",
      "linked finished",
      "d finished",
      "c finished",
      "broken damaged",
      "b-oldest finished",
    ]);
    expect(runs.map(({ path }) => path)).toEqual(runs.map(({ name }) => join(parent, name)));
  });

  test("a missing or empty folder has no runs; a file is no folder of runs", () => {
    const parent = temporaryFolder();
    expect(listRuns(parent)).toEqual([]);
    expect(listRuns(join(parent, "none"))).toEqual([]);
    writeFileSync(join(parent, "file"), "");
    expect(userErrorOf(() => listRuns(join(parent, "file"))).message).toMatch(
      /^cannot list the runs in .*file: .*ENOTDIR/,
    );
  });
});

describe("runsIn", () => {
  const pathsIn = (path: string) => runsIn(path).map((run) => run.path);

  test("gives the runs in a folder or in its folder runs, in numeric order; none for a run itself", () => {
    const parent = temporaryFolder();
    const at = (name: string) => join(parent, name);
    mkdirSync(at("study"));
    expect(pathsIn(at("study"))).toEqual([]);
    mkdirSync(at("study/runs"));
    mkdirSync(at("seeds"));
    for (const run of ["study/runs/base-s10", "study/runs/base-s9", "seeds/s1"]) runWith(at(run), finishedRecord);
    expect(pathsIn(at("seeds/s1"))).toEqual([]);
    expect(pathsIn(at("seeds"))).toEqual([at("seeds/s1")]);
    const runs = [at("study/runs/base-s9"), at("study/runs/base-s10")];
    expect(pathsIn(at("study"))).toEqual(runs);
    expect(pathsIn(at("study/runs"))).toEqual(runs);
    expect(pathsIn(at("none"))).toEqual([]);
  });
});

describe("defaultRunPath", () => {
  const date = new Date(2026, 0, 3, 4, 5, 6);

  test("consists of recipe, date and time, in the folder of runs", () => {
    expect(defaultRunPath("base", date, join(temporaryFolder(), "runs")).split("/").slice(-2)).toEqual([
      "runs",
      "base-20260103-040506",
    ]);
    expect(defaultRunPath("no-such-recipe", new Date(1999, 11, 31, 23, 59, 58))).toBe(
      join("runs", "no-such-recipe-19991231-235958"),
    );
  });

  test("has a suffix if the path exists", () => {
    const parent = temporaryFolder();
    const names = [1, 2, 3].map(() => {
      const path = defaultRunPath("base", date, parent);
      mkdirSync(path);
      return basename(path);
    });
    expect(names).toEqual(["base-20260103-040506", "base-20260103-040506-2", "base-20260103-040506-3"]);
  });
});
