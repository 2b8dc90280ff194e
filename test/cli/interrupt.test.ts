import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readMetrics, readRunRecord, readState } from "../../src/runs/node/run-files.ts";
import { expectSameRun } from "../training/support/same-run.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { startTailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20, isHalved: true });
const FOLDER = sharedFolder();
const THROUGH = join(FOLDER, "through");
const STEPS_AN_EPOCH = 11;
/** 132 steps: a second and more, so that a signal after the first epoch's line comes long before the end. */
const TRAIN = [
  "train",
  "base",
  "--data",
  DATA,
  "--batch-size",
  "20",
  "--epochs",
  "12",
  "--threads",
  "1",
  "--skip-report",
];
const INTERRUPTED = 130;

beforeAll(async () => {
  await tailorJson([...TRAIN, "--out", THROUGH]);
});

describe("Ctrl-C", () => {
  test("within an epoch saves complete files and prints how to resume, which gives the uninterrupted result", async () => {
    const out = join(FOLDER, "stopped");
    const { child, ended, hasSaid } = startTailor([...TRAIN, "--out", out, "--json"]);
    await hasSaid("epoch  1/12 |");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: INTERRUPTED, stdout: "" });
    expect(stderr).toMatch(/\ninterrupted: stopping after this step and saving/);
    const [, step, command] = /\nstopped at step (\d+); go on with: node bin\/tailor\.js (.+)\n$/.exec(stderr)!;

    expect(readdirSync(out).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
    expect(readRunRecord(out)).toMatchObject({ status: "running", result: null });
    expect(readState(out).metadata.step).toBe(step);
    const epochs = Math.floor(Number(step) / STEPS_AN_EPOCH);
    expect(readMetrics(out).map(({ epoch }) => epoch)).toEqual(Array.from({ length: epochs }, (_, i) => i + 1));
    expect(epochs).toBeGreaterThanOrEqual(1);
    expect(epochs).toBeLessThan(12);

    await tailorJson([...command!.split(" "), "--data", DATA, "--threads", "1"]);
    expectSameRun(out, THROUGH);
  });

  test("before the first step, or a second time, exits immediately; the run can be resumed or started over", async () => {
    const out = join(FOLDER, "twice");
    const { child, ended, hasSaid } = startTailor([...TRAIN, "--out", out]);
    await hasSaid("run folder: ");
    child.kill("SIGTERM");
    await hasSaid("interrupted: ");
    child.kill("SIGINT");
    const { code, stdout } = await ended;
    expect({ code, stdout }).toEqual({ code: INTERRUPTED, stdout: "" });
    await tailorJson(["train", "--resume", out, "--data", DATA, "--threads", "2"]);
    expectSameRun(out, THROUGH);
  });
});
