import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createEventFile, hasEventFile } from "../../src/runs/node/event-file.ts";
import { createRunFolder } from "../../src/runs/node/run-folder.ts";
import { readEvents } from "../formats/support/read-events.ts";
import { temporaryFolder, userErrorOf, withoutPrivileges } from "./support/helpers.ts";
import { interrupted } from "./support/run-folders.ts";
import { sampleMetrics } from "./support/samples.ts";

const NAME = `events.out.tfevents.1700000000.${hostname()}`;
const now = () => 1_700_000_000.75;
const eventsIn = (folder: string, name: string) => readEvents(readFileSync(join(folder, name)));

test("each epoch's line becomes values at its step; without validation those are omitted", () => {
  const folder = temporaryFolder();
  expect(hasEventFile(folder)).toBe(false);
  const file = createEventFile(folder, { restartStep: undefined, now });
  for (const line of sampleMetrics) file.write(line);
  expect(readdirSync(folder)).toEqual([NAME]);
  expect(hasEventFile(folder)).toBe(true);
  const rounded = (scalars: Record<string, number>) =>
    Object.fromEntries(Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)]));
  const wallTime = now();
  expect(eventsIn(folder, NAME)).toEqual([
    { wallTime, step: 0, fileVersion: "brain.Event:2" },
    ...sampleMetrics.map((line) => ({
      wallTime,
      step: line.step,
      scalars: rounded({
        "loss/train": line.trainLoss,
        ...(line.validationLoss === null ? {} : { "loss/validation": line.validationLoss }),
        "accuracy/train": line.trainAccuracy,
        ...(line.validationAccuracy === null ? {} : { "accuracy/validation": line.validationAccuracy }),
        learning_rate: line.learningRate,
        images_per_second: line.imagesPerSecond,
      }),
    })),
  ]);
});

test("each line is written immediately, and the content depends only on metrics and time", () => {
  const [one, other] = [temporaryFolder(), temporaryFolder()];
  const files = [one, other].map((folder) => createEventFile(folder, { restartStep: 430, now }));
  for (const line of sampleMetrics) {
    const before = readFileSync(join(one, NAME));
    for (const file of files) file.write(line);
    const after = readFileSync(join(one, NAME));
    expect(after.subarray(0, before.length)).toEqual(before);
    expect(readFileSync(join(other, NAME))).toEqual(after);
  }
  expect(eventsIn(one, NAME)[1]).toEqual({ wallTime: now(), step: 430, sessionStatus: 1 });
});

test("a second file of the same second sorts after the first, which is unchanged", () => {
  const folder = temporaryFolder();
  createEventFile(folder, { restartStep: undefined, now }).write(sampleMetrics[0]!);
  const first = readFileSync(join(folder, NAME));
  createEventFile(folder, { restartStep: 430, now }).write(sampleMetrics[1]!);
  expect(readdirSync(folder).sort()).toEqual([NAME, `${NAME}.1`]);
  expect(readFileSync(join(folder, NAME))).toEqual(first);
  expect(eventsIn(folder, `${NAME}.1`).map(({ step }) => step)).toEqual([0, 430, sampleMetrics[1]!.step]);
});

test("a folder that cannot be written to is reported", () => {
  const folder = "/proc";
  const error = withoutPrivileges(() => userErrorOf(() => createEventFile(folder, { restartStep: undefined, now })));
  expect(error.message).toMatch(/^cannot write \/proc\/events\.out\.tfevents\.\d+\..*: /);
});

test("a run that is started over loses the events of its first start with its other files", () => {
  const path = interrupted({ state: false });
  writeFileSync(join(path, NAME), "");
  createRunFolder(path).close();
  expect(readdirSync(path)).toEqual(["run.json"]);
});
