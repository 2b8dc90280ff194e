/**
 * Training that is killed (SIGKILL: no handler runs) at random moments and resumed gives what it would have given. By
 * hand, with more of them: TAILOR_KILLS=20 npx vitest run test/training/kill-resume.test.ts
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { readMetrics, readState } from "../../src/runs/node/run-files.ts";
import { findRun, runStatus } from "../../src/runs/node/run-status.ts";
import { startTailor, tailorJson } from "../cli/support/tailor.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { expectSameRun } from "./support/same-run.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const KILLS = Number(process.env.TAILOR_KILLS ?? (IS_THOROUGH ? 4 : 2));
const DATA = await smallDataFolder({ train: 240, test: 20, isHalved: true });
const FOLDER = sharedFolder();
/** Two steps an epoch: most of the time goes into checkpoints, which is where a kill could hurt. */
const TRAIN = [
  "train",
  "base",
  "--limit",
  "40",
  "--batch-size",
  "20",
  "--epochs",
  "24",
  "--seed",
  "9",
  "--skip-report",
];
const WHERE = ["--data", DATA, "--threads", "1"];

test(`${KILLS} kills at random moments do not change the result`, {
  timeout: (1 + KILLS) * 30 * 60_000,
}, async () => {
  const through = join(FOLDER, "through");
  const { seconds } = await tailorJson<{ seconds: number }>([...TRAIN, ...WHERE, "--out", through]);
  /** Training takes a good deal longer than its steps, by the checkpoints. */
  const longest = 1000 * seconds;
  const moments: string[] = [];
  let run = join(FOLDER, "run0");

  for (let kill = 0; kill < KILLS; kill++) {
    const { child, ended, hasSaid } = startTailor(
      existsSync(join(run, "run.json")) ? ["train", "--resume", run, ...WHERE] : [...TRAIN, ...WHERE, "--out", run],
    );
    // Now and then while it starts: data, lock, first record.
    const isEarly = kill % 4 === 1;
    if (!isEarly) await hasSaid("run folder: ");
    const delay = Math.random() * longest;
    await sleep(delay);
    child.kill("SIGKILL");
    const { signal } = await ended;
    moments.push(`${Math.round(delay)} ms after ${isEarly ? "the start" : "the first record"}`);
    const found = findRun(run);
    if (found instanceof UserError) throw new Error(`damaged by a kill ${moments.join(", ")}: ${found.message}`);
    const status = found && runStatus(found);
    expect([undefined, "interrupted", "finished"], moments.join(", ")).toContain(status);
    if (status === "interrupted") {
      expect(signal).toBe("SIGKILL");
      const epochs = readMetrics(run).length;
      // Metrics are written just before the state: as many epochs, or one more.
      if (existsSync(join(run, "state.safetensors"))) {
        expect([epochs, epochs - 1]).toContain(Number(readState(run).metadata.step) / 2);
      }
    } else if (status === "finished") {
      expectSameRun(run, through);
      run = join(FOLDER, `run${kill + 1}`);
    }
  }
  const args = existsSync(join(run, "run.json")) ? ["train", "--resume", run] : [...TRAIN, "--out", run];
  await tailorJson([...args, ...WHERE]);
  expectSameRun(run, through);
  expect(moments).toHaveLength(KILLS);
});
