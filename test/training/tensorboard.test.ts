import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import { isEventFile } from "../../src/runs/node/event-file.ts";
import { readMetrics } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import { type ReadEvent, readEvents } from "../formats/support/read-events.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { RECIPE } from "./support/jobs.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const data = await loadData({ folder: await smallDataFolder({ train: 120, test: 20, isHalved: true }) });
/** 80 images in batches of 32: epochs end after 2, 5 and 7 steps. */
const RUN = { recipe: { ...RECIPE, name: "base" }, seed: 4, trainOn: "split", limit: 80 } as const;
const OPTIONS = {
  data,
  threads: 1,
  lowering: "standard",
  runtime: nodeRuntime,
  allowDifferent: false,
  stepsPerCall: 1,
} as const;

const eventFiles = (run: string) => readdirSync(run).filter(isEventFile).sort();

/** What TensorBoard shows: files in the order of their names; a session start drops its step and later ones. */
function shown(run: string): ReadEvent[] {
  let events: ReadEvent[] = [];
  for (const name of eventFiles(run)) {
    for (const event of readEvents(readFileSync(join(run, name)))) {
      if (event.sessionStatus === 1) events = events.filter(({ step }) => step < event.step);
      if (event.scalars) events.push(event);
    }
  }
  return events;
}

function expectShown(run: string): void {
  const lines = readMetrics(run);
  expect(lines.map(({ step }) => step)).toEqual([2, 5, 7]);
  expect(shown(run).map(({ step, scalars }) => ({ step, ...scalars }))).toEqual(
    lines.map((line) => ({
      step: line.step,
      "loss/train": Math.fround(line.trainLoss),
      "loss/validation": Math.fround(line.validationLoss!),
      "accuracy/train": Math.fround(line.trainAccuracy),
      "accuracy/validation": Math.fround(line.validationAccuracy!),
      learning_rate: Math.fround(line.learningRate),
      images_per_second: Math.fround(line.imagesPerSecond),
    })),
  );
}

test("a run writes each epoch's metrics, and continues them after a kill at any point", async () => {
  const out = join(FOLDER, "run");
  const copyAt = (name: string) => cpSync(out, join(FOLDER, name), { recursive: true });
  const hooks = { onEpoch: ({ epoch }: { epoch: number }) => copyAt(`after${epoch}`) };
  const onStart = () => copyAt("after0");
  await trainNewRun({ ...RUN, out }, { ...OPTIONS, tensorboard: true, hooks, onStart });
  expect(eventFiles(out)).toHaveLength(1);
  expectShown(out);

  for (const [epoch, files] of [[0, 1], [1, 2], ...(IS_THOROUGH ? ([[2, 2]] as const) : [])] as const) {
    const killed = join(FOLDER, `killed${epoch}`);
    cpSync(join(FOLDER, `after${epoch}`), killed, { recursive: true });
    rmSync(join(killed, "lock"));
    // The next epoch's events and metrics were written, but not yet its state: that epoch comes again.
    for (const name of [...eventFiles(killed), ...(epoch === 0 ? [] : ["metrics.jsonl"])]) {
      cpSync(join(FOLDER, `after${epoch + 1}`, name), join(killed, name));
    }
    await resumeRun(killed, OPTIONS);
    expect(eventFiles(killed)).toHaveLength(files);
    expectShown(killed);
  }
});

test("a resumed run without events starts with the finished epochs; by default none are written", async () => {
  const out = join(FOLDER, "late");
  let steps = 0;
  const stopped = await trainNewRun({ ...RUN, out }, { ...OPTIONS, hooks: { isStopRequested: () => ++steps >= 3 } });
  expect(stopped).toMatchObject({ isFinished: false, step: 3 });
  expect(eventFiles(out)).toEqual([]);
  await resumeRun(out, { ...OPTIONS, tensorboard: true });
  expect(eventFiles(out)).toHaveLength(1);
  expectShown(out);
});

test("a program's own metrics are written too", async () => {
  const out = join(FOLDER, "own");
  const functions = { metrics: { images: ({ labels }: { labels: readonly number[] }) => labels.length } };
  await trainNewRun({ ...RUN, out }, { ...OPTIONS, functions, tensorboard: true });
  const images = readMetrics(out).map((line) => line.metrics!.images);
  expect(images[0]).toBeGreaterThan(0);
  expect(shown(out).map(({ scalars }) => scalars!["metrics/images"])).toEqual(images);
});
