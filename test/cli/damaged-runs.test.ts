import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { readState } from "../../src/runs/node/run-files.ts";
import {
  type Change,
  contents,
  cut,
  edit,
  editPlace,
  editRecord,
  editState,
  fillModelWithNaN,
  flipBit,
  forgetChecksums,
  pipe,
  remove,
} from "../training/support/damage.ts";
import { expectSameRun } from "../training/support/same-run.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { jsonOf, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20, isHalved: true });
const FOLDER = sharedFolder();
const FINISHED = join(FOLDER, "finished");
const WHERE = ["--data", DATA, "--threads", "1"];
let copies = 0;

let weights: unknown;
beforeAll(async () => {
  const args = [
    "train",
    "base",
    "--limit",
    "60",
    "--batch-size",
    "20",
    "--epochs",
    "2",
    "--skip-report",
    "--out",
    FINISHED,
    "--json",
  ];
  weights = jsonOf(await tailor([...args, ...WHERE])).weightsSha256;
});

/** A copy of a folder, changed. */
function copyOf(folder: string, ...changes: Change[]): string {
  const copy = join(FOLDER, `copy${copies++}`);
  cpSync(folder, copy, { recursive: true });
  for (const change of changes) change(copy);
  return copy;
}

const finished = (change: Change) => copyOf(FINISHED, change);

/** A copy of the run as a kill leaves it after its last checkpoint, then changed. */
const unfinished = (change: Change = () => {}) =>
  copyOf(
    FINISHED,
    editRecord({ status: "running", result: null, files: [] }),
    remove("weights.safetensors", "model.onnx"),
    change,
  );

const resume = (run: string) => tailor(["train", "--resume", run, ...WHERE, "--json"]);
const evaluate = (run: string) => tailor(["evaluate", run, ...WHERE, "--json"]);

describe("a finished run that is damaged is not evaluated, and keeps every file as it is", () => {
  test.each<[string, RegExp, Change]>([
    ["run.json cut short", /run\.json: expected JSON/, cut("run.json", 100)],
    ["a later version", /another version of tailor wrote this run/, editRecord({ format: 2 })],
    ["model.onnx cut short", /model\.onnx is damaged: it has 5000 bytes, run\.json says \d+/, cut("model.onnx", 5000)],
    ["a flipped bit in model.onnx", /model\.onnx is damaged: its SHA-256 is .*restore the file/, flipBit("model.onnx")],
    ["fields that contradict", /run\.json: field "recipe\.epochs": 2 contradicts 3/, editRecord({ epochs: 3 })],
    ["model.onnx gone", /has no model\.onnx: it was removed/, remove("model.onnx")],
    [
      "weights of NaN, and no checksum",
      /model\.onnx gives logits that are not finite numbers/,
      (run) => [forgetChecksums, fillModelWithNaN("fc2.weight")].forEach((change) => void change(run)),
    ],
    ["a pipe as run.json", /run\.json is a pipe or device, expected a file; move it away/, pipe("run.json")],
    ["a pipe as model.onnx", /model\.onnx is a pipe or device, expected a file/, pipe("model.onnx")],
  ])("%s", async (_, message, damage) => {
    const run = finished(damage);
    const before = contents(run);
    expect(refusalOf(await evaluate(run), 1)).toMatch(message);
    expect(contents(run)).toEqual(before);
  });
});

describe("an unfinished run that is damaged is not resumed, and keeps every file as it is", () => {
  const withoutLast = editState(({ tensors, metadata }) => ({ tensors: tensors.slice(0, -1), metadata }));
  const notANumber = edit("metrics.jsonl", (text) => text.replace(":1,", ":NaN,"));
  const weightsAsState: Change = (run) => cpSync(join(FINISHED, "weights.safetensors"), join(run, "state.safetensors"));

  test.each<[string, RegExp, Change]>([
    ["run.json cut short", /run\.json: expected JSON/, cut("run.json", 100)],
    ["run.json without a field", /run\.json: field "seed": /, editRecord({ seed: undefined })],
    ["a later version", /another version of tailor wrote this run/, editRecord({ format: 2 })],
    [
      "another recipe",
      /state\.safetensors: it is of another run|recipe field "description"/,
      editRecord({ recipe: { name: "base" } }),
    ],
    ["metrics cut short", /metrics\.jsonl, line 2: expected JSON/, cut("metrics.jsonl", -20)],
    ["a metric of NaN", /metrics\.jsonl, line 1: expected JSON/, notANumber],
    ["metrics gone", /metrics\.jsonl: expected a line for each of the 2 epochs .*found 0/, remove("metrics.jsonl")],
    ["a pipe as metrics.jsonl", /metrics\.jsonl is a pipe or device, expected a file/, pipe("metrics.jsonl")],
    ["a pipe as lock", /lock is a pipe or device, expected a file/, pipe("lock")],
    [
      "a flipped bit in the state",
      /no state\.safetensors that can be read \(.*state\.safetensors is damaged: its SHA-256 .*; start the run over/,
      flipBit("state.safetensors"),
    ],
    [
      "state of another seed",
      /state\.safetensors: it is of another run, whose "seed" is 2, not 1/,
      editPlace({ seed: "2" }),
    ],
    [
      "state of another recipe",
      /state\.safetensors: it is of another run, whose "recipe" is /,
      editPlace({ recipe: '{"name":"base"}' }),
    ],
    [
      "another metric",
      /metrics\.jsonl is damaged: its lines are not those that state\.safetensors was written with/,
      edit("metrics.jsonl", (text) => text.replace(/"trainLoss":\d/, '"trainLoss":9')),
    ],
    [
      "another normalisation",
      /run\.json: field "data\.normalization\.mean": \[0\.5\] contradicts \[.*\], that of the run's images/,
      edit("run.json", (text) => text.replace(/"mean": \[[^\]]*\]/, '"mean": [0.5]').replace(/,\s*"fileSha256".*/, "")),
    ],
    [
      "state cut short",
      /no state\.safetensors that can be read \(.*; start the .* over/,
      cut("state.safetensors", 5000),
    ],
    ["state of no run", /state\.safetensors: "step" must be a number/, weightsAsState],
    ["state before its start", /state\.safetensors: "step" must be a number/, editPlace({ step: "-3" })],
    ["state between steps", /state\.safetensors: "step" must be a whole/, editPlace({ step: "2.5" })],
    ["state after its end", /state\.safetensors: "step" is 7, the run has 6/, editPlace({ step: "7" })],
    ["state elsewhere", /state\.safetensors: "epochSteps" must be 2/, editPlace({ step: "5" })],
    ["state without a tensor", /state\.safetensors: "fc2\.bias\.exp_avg_sq" must have 10 .*found none/, withoutLast],
  ])("%s", async (name, message, damage) => {
    const run = unfinished(damage);
    const before = contents(run);
    expect(refusalOf(await resume(run), /^state cut|flipped/.test(name) ? 2 : 1)).toMatch(message);
    expect(contents(run)).toEqual(before);
  });
});

test("runs of an older version, whose files have no checksums, are used; a note says so once", async () => {
  const older = finished(forgetChecksums);
  const { stderr, ...evaluated } = await evaluate(older);
  expect(jsonOf({ stderr, ...evaluated }).correct).toBe(jsonOf(await evaluate(FINISHED)).correct);
  expect(stderr.match(/is unverified: an older version or another program wrote it without a checksum/g)).toHaveLength(
    1,
  );
  const { tensors } = readState(unfinished());
  const stateless = unfinished((run) => {
    writeFileSync(join(run, "state.safetensors"), encodeSafetensors(tensors, positionOf(run)));
    editRecord({ files: undefined })(run);
  });
  const resumed = await resume(stateless);
  expect(jsonOf(resumed)).toMatchObject({ weightsSha256: weights });
  expect(resumed.stderr.match(/is unverified/g)).toHaveLength(1);
});

/** The position that a state states, and nothing else. */
function positionOf(run: string): Record<string, string> {
  const {
    recipe: _1,
    seed: _2,
    trainOn: _3,
    limit: _4,
    fold: _5,
    metricsSha256: _6,
    fileSha256: _7,
    ...position
  } = readState(run).metadata;
  return position;
}

describe("a run folder", () => {
  test("that was killed is resumed, and gives the weights of an uninterrupted run", async () => {
    const run = unfinished();
    expect(jsonOf(await resume(run))).toMatchObject({ run, weightsSha256: weights });
    expectSameRun(run, FINISHED);
  });

  test("that is finished is neither trained into nor resumed; an unfinished one is not evaluated", async () => {
    const before = contents(FINISHED);
    const into = await tailor(["train", "base", "--out", FINISHED, ...WHERE, "--json"]);
    expect(refusalOf(into, 2)).toMatch(/finished holds a finished run; choose another folder with --out/);
    expect(refusalOf(await resume(FINISHED), 2)).toMatch(/finished holds a finished run: there is nothing to resume/);
    expect(contents(FINISHED)).toEqual(before);
    const run = unfinished();
    expect(refusalOf(await evaluate(run), 1)).toMatch(
      /is not finished; resume it: node bin\/tailor\.js train --resume/,
    );
    const again = await tailor(["train", "base", "--out", run, ...WHERE, "--json"]);
    expect(refusalOf(again, 2)).toMatch(
      /holds an unfinished run; choose another folder with --out, or resume it: node bin\/tailor\.js train --resume/,
    );
  });

  test("of other data is neither evaluated nor resumed", async () => {
    const other = copyOf(
      DATA,
      edit("t10k-labels-idx1-ubyte", (text) => `${text.slice(0, -1)}${text.endsWith("\0") ? "\u0001" : "\0"}`),
    );
    const evaluated = await tailor(["evaluate", FINISHED, "--data", other, "--json"]);
    expect(refusalOf(evaluated, 1)).toMatch(/was trained on other data: t10k-labels-idx1-ubyte in .* --data/);
    const resumed = await tailor(["train", "--resume", unfinished(), "--data", other, "--json"]);
    expect(refusalOf(resumed, 1)).toMatch(
      /was trained on other data: t10k-labels-idx1-ubyte in .*; give the run's own data with --data/,
    );
  });

  test("under another ONNX Runtime or lowering is resumed only with --allow-different", async () => {
    const versions = { ...JSON.parse(readFileSync(join(FINISHED, "run.json"), "utf8")).versions, onnxruntime: "1.2.3" };
    const run = unfinished(editRecord({ versions }));
    const args = ["train", "--resume", run, "--lowering", "standard", ...WHERE];
    expect(refusalOf(await tailor([...args, "--json"]), 1)).toMatch(
      /another computation \(.*ONNX Runtime 1\.2\.3 then, \d.* now\).*resume it all the same with --allow-different: node bin\/tailor\.js train --resume .* --allow-different/,
    );
    expect(await tailorJson([...args, "--allow-different"])).toMatchObject({ weightsSha256: weights });
  });
});
