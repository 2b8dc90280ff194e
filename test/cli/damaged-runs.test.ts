import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type Change,
  contents,
  cut,
  edit,
  editPlace,
  editRecord,
  editState,
  fillModelWithNaN,
  remove,
} from "../training/support/damage.ts";
import { expectSameRun } from "../training/support/same-run.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { jsonOf, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20 });
const FOLDER = sharedFolder();
const FINISHED = join(FOLDER, "finished");
const WHERE = ["--data", DATA, "--threads", "1"];
let copies = 0;

let weights: unknown;
beforeAll(async () => {
  const args = ["train", "base", "--limit", "60", "--batch-size", "20", "--epochs", "2", "--out", FINISHED, "--json"];
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
    editRecord({ status: "running", result: null }),
    remove("weights.safetensors", "model.onnx"),
    change,
  );

const resume = (run: string) => tailor(["train", "--resume", run, ...WHERE, "--json"]);
const evaluate = (run: string) => tailor(["evaluate", run, ...WHERE, "--json"]);

describe("a finished run that is damaged is not evaluated, and keeps every file as it is", () => {
  test.each<[string, RegExp, Change]>([
    ["run.json cut short", /run\.json: expected JSON/, cut("run.json", 100)],
    ["a later version", /another version of tailor wrote this run/, editRecord({ format: 2 })],
    ["model.onnx cut short", /model\.onnx is not a model that ONNX Runtime can read/, cut("model.onnx", 5000)],
    ["model.onnx gone", /has no model\.onnx: it was removed/, remove("model.onnx")],
    ["weights of NaN", /model\.onnx gives logits that are not finite numbers/, fillModelWithNaN("fc2.weight")],
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
    ["another recipe", /run\.json: recipe field "description"/, editRecord({ recipe: { name: "base" } })],
    ["metrics cut short", /metrics\.jsonl, line 2: expected JSON/, cut("metrics.jsonl", -20)],
    ["a metric of NaN", /metrics\.jsonl, line 1: expected JSON/, notANumber],
    ["metrics gone", /metrics\.jsonl: expected a line for each of the 2 epochs .*found 0/, remove("metrics.jsonl")],
    ["state cut short", /no state\.safetensors that can be read; start the .* over/, cut("state.safetensors", 5000)],
    ["state of no run", /state\.safetensors: "step" must be a number/, weightsAsState],
    ["state before its start", /state\.safetensors: "step" must be a number/, editPlace({ step: "-3" })],
    ["state between steps", /state\.safetensors: "step" must be a whole/, editPlace({ step: "2.5" })],
    ["state after its end", /state\.safetensors: "step" is 7, the run has 6/, editPlace({ step: "7" })],
    ["state elsewhere", /state\.safetensors: "epochSteps" must be 2/, editPlace({ step: "5" })],
    ["state without a tensor", /state\.safetensors: "fc2\.bias\.exp_avg_sq" must have 10 .*found none/, withoutLast],
  ])("%s", async (name, message, damage) => {
    const run = unfinished(damage);
    const before = contents(run);
    expect(refusalOf(await resume(run), name === "state cut short" ? 2 : 1)).toMatch(message);
    expect(contents(run)).toEqual(before);
  });
});

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
