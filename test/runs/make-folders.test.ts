/** Creating a run's folder under race conditions, simulated. */
import type fs from "node:fs";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { createRunFolder } from "../../src/runs/node/run-folder.ts";
import { temporaryFolder } from "./support/helpers.ts";

const { events, race } = vi.hoisted(() => ({ events: [] as string[], race: { isLost: false } }));

vi.mock("node:fs", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  return {
    ...real,
    mkdirSync: (path: string) => {
      events.push(`make ${path}`);
      if (race.isLost) real.mkdirSync(path);
      real.mkdirSync(path);
    },
    openSync: (path: string, flags: string) => {
      events.push(`open ${path}`);
      return real.openSync(path, flags);
    },
    fsyncSync: (file: number) => {
      events.push("sync");
      real.fsyncSync(file);
    },
  };
});

beforeEach(() => {
  events.length = 0;
  race.isLost = false;
});

test("every new folder's name is synced to the disk, from the outermost to the innermost", () => {
  const top = temporaryFolder();
  const [runs, run] = [join(top, "runs"), join(top, "runs", "run")];
  createRunFolder(run).close();
  const expected = [`make ${runs}`, `open ${top}`, "sync", `make ${run}`, `open ${runs}`, "sync"];
  expect(events.slice(0, expected.length)).toEqual(expected);
});

test("a folder created concurrently by another process is used, and not removed", () => {
  const top = temporaryFolder();
  race.isLost = true;
  createRunFolder(join(top, "runs", "run")).close();
  expect(readdirSync(join(top, "runs"))).toEqual(["run"]);
});
