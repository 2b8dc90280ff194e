import { describe, expect, test } from "vitest";
import type { Lowering } from "../../src/compile/program.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { batchNorm, flatten, linear } from "../../src/nn/index.ts";
import type { ImageTask } from "../../src/nn/model.ts";
import type { Recipe } from "../../src/recipes/recipe.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import type { RunRecord } from "../../src/runs/run-record.ts";
import {
  checkResumable,
  checkSnapshot,
  decodeSnapshot,
  encodePosition,
  metricsUpTo,
} from "../../src/training/node/resume.ts";
import { advance, START } from "../../src/training/progress.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { sampleMetrics, sampleRecord } from "../runs/support/samples.ts";
import { RECIPE, smallSets } from "./support/jobs.ts";
import { scriptedRuntime } from "./support/scripted-runtime.ts";

/** 80 images in batches of 32, three epochs: they end after 2, 5 and 7 steps. */
const RECORD: RunRecord = {
  ...sampleRecord,
  epochs: 3,
  batchSize: 32,
  data: { ...sampleRecord.data, trainImages: 80 },
};
const POSITION = { step: 4, seconds: 0.1 + 0.2, epoch: { lossSum: 1 / 3, correct: 31, steps: 2, seconds: 1e-7 } };
const TASK: ImageTask = { channels: 2, height: 2, width: 1, classes: 3 };
/** One dense layer without a bias, on two channels of two pixels; with momentum. */
const NETWORK: Recipe = {
  ...RECIPE,
  model: { name: "flat", layers: ({ classes }) => [flatten(), batchNorm(), linear(classes, { bias: false })] },
  optimizer: { kind: "sgd", momentum: 0.9 },
};
const TENSORS = new Map(
  Object.entries({
    "bn1.weight": 4,
    "bn1.weight.momentum_buffer": 4,
    "bn1.bias": 4,
    "bn1.bias.momentum_buffer": 4,
    "fc1.weight": 12,
    "fc1.weight.momentum_buffer": 12,
    "bn1.running_mean": 4,
    "bn1.running_var": 4,
  }).map(([name, size]) => [name, new Float32Array(size)]),
);

/** The message of the UserError that `act` throws. */
const refusal = (act: () => unknown) => userErrorOf(act).message;

describe("a run's position", () => {
  test("is read exactly from text", () => {
    const { position } = decodeSnapshot({ tensors: [], metadata: encodePosition(POSITION) }, "state");
    expect(position).toEqual(POSITION);
  });

  test("advances by a step, with the sums of the epoch and of the run", () => {
    const one = advance(START, { loss: 2, correct: 5, seconds: 0.5 });
    expect(advance(one, { loss: 1, correct: 7, seconds: 0.25 })).toEqual({
      step: 2,
      seconds: 0.75,
      epoch: { lossSum: 3, correct: 12, steps: 2, seconds: 0.75 },
    });
  });

  test.each([
    ["step", undefined],
    ["step", ""],
    ["step", "-1"],
    ["step", "1.5"],
    ["step", "1e400"],
    ["seconds", "soon"],
    ["seconds", "-1"],
    ["epochLossSum", "NaN"],
    ["epochCorrect", "2.5"],
    ["epochSteps", "-0.5"],
    ["epochSeconds", undefined],
  ])("whose %s is %j is refused by the file's name", (name, value) => {
    const { [name]: _, ...rest } = encodePosition(POSITION);
    const metadata = value === undefined ? rest : { ...rest, [name]: value };
    const message = refusal(() => decodeSnapshot({ tensors: [], metadata }, "run/state.safetensors"));
    expect(message).toContain(`run/state.safetensors: "${name}" must be a `);
    expect(message).toMatch(/restore it from a copy, or start another run$/);
  });
});

describe("a state", () => {
  const check = (changes: { tensors?: Map<string, Float32Array>; step?: number; steps?: number }) => {
    const epoch = { ...POSITION.epoch, steps: changes.steps ?? POSITION.epoch.steps };
    const position = { ...POSITION, step: changes.step ?? POSITION.step, epoch };
    const snapshot = { tensors: changes.tensors ?? TENSORS, position };
    return () => checkSnapshot(snapshot, "state", { record: RECORD, recipe: NETWORK, task: TASK });
  };

  test("of the run, at a possible position, is accepted", () => {
    for (const [step, steps] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [4, 2],
      [5, 0],
      [6, 1],
      [7, 0],
    ] as const) {
      expect(check({ step, steps })).not.toThrow();
    }
  });

  test("at any other position is refused", () => {
    expect(refusal(check({ step: 8, steps: 1 }))).toContain('"step" is 8, the run has 7 steps');
    expect(refusal(check({ step: 5, steps: 3 }))).toContain('"epochSteps" must be 0 at step 5, found 3');
    expect(refusal(check({ step: 6, steps: 0 }))).toContain('"epochSteps" must be 1 at step 6, found 0');
  });

  test("of a record without images is refused, and soon", () => {
    const record = { ...RECORD, data: { ...RECORD.data, trainImages: 0 } };
    const snapshot = { tensors: TENSORS, position: { ...START } };
    expect(refusal(() => checkSnapshot(snapshot, "state", { record, recipe: NETWORK, task: TASK }))).toContain(
      "state: ",
    );
  });

  test("of another network or optimizer is refused by the first tensor that differs", () => {
    const changed = (change: (tensors: Map<string, Float32Array>) => void) => {
      const tensors = new Map(TENSORS);
      change(tensors);
      return refusal(check({ tensors }));
    };
    const without = changed((tensors) => tensors.delete("fc1.weight.momentum_buffer"));
    expect(without).toContain('state: "fc1.weight.momentum_buffer" must have 12 elements, found none');
    const longer = changed((tensors) => tensors.set("bn1.running_var", new Float32Array(5)));
    expect(longer).toContain('state: "bn1.running_var" must have 4 elements, found 5');
    const more = changed((tensors) => tensors.set("fc1.bias", new Float32Array(3)));
    expect(more).toContain('state: "fc1.bias" must have no elements, found 3');
  });
});

describe("metrics", () => {
  const line = (epoch: number, step: number): MetricsLine => ({ ...sampleMetrics[0]!, epoch, step });
  const lines = [line(1, 2), line(2, 5), line(3, 7)];
  const upTo = (step: number, found: readonly MetricsLine[]) => () => metricsUpTo(step, found, "metrics.jsonl", RECORD);

  test("written just before a kill, with the state still of the epoch before, lose their last line", () => {
    expect(upTo(2, lines.slice(0, 2))()).toEqual(lines.slice(0, 1));
    expect(upTo(4, lines.slice(0, 2))()).toEqual(lines.slice(0, 1));
    expect(upTo(0, lines.slice(0, 1))()).toEqual([]);
  });

  test("of all epochs that the state has are kept", () => {
    expect(upTo(7, lines)()).toEqual(lines);
    expect(upTo(6, lines.slice(0, 2))()).toEqual(lines.slice(0, 2));
  });

  test("with an epoch missing, or another run's, are refused", () => {
    expect(refusal(upTo(5, lines.slice(0, 1)))).toMatch(
      /^metrics\.jsonl: .* each of the 2 epochs up to step 5, found 1/,
    );
    expect(refusal(upTo(7, [lines[0]!, lines[2]!]))).toMatch(/each of the 3 epochs up to step 7, found 2/);
    expect(refusal(upTo(5, [line(1, 3), line(2, 5)]))).toMatch(/each of the 2 epochs/);
  });
});

describe("resuming", () => {
  const sets = smallSets(12, 10);
  const data: LoadedData = {
    train: sets.train,
    test: sets.train,
    source: "folder",
    folder: "/data",
    verified: false,
    files: RECORD.data.files,
  };
  const runtime = { ...scriptedRuntime().runtime, version: RECORD.versions.onnxruntime };
  const blocked: Lowering = { kind: "blocked", block: 16 };
  const now = { lowering: blocked, runtime, data, allowDifferent: false };

  test("with the same data, lowering and ONNX Runtime is allowed", () => {
    expect(() => checkResumable("runs/a", RECORD, now)).not.toThrow();
    const standard: RunRecord = { ...RECORD, lowering: "standard", blockSize: null };
    expect(() => checkResumable("runs/a", standard, { ...now, lowering: { kind: "standard" } })).not.toThrow();
  });

  test.each([
    [{ lowering: { kind: "standard" } as const }, "lowering blocked then, standard now"],
    [{ lowering: { kind: "blocked", block: 8 } as const }, "block size 16 then, 8 now"],
    [{ runtime: { ...runtime, version: "2.0.0" } }, `ONNX Runtime ${RECORD.versions.onnxruntime} then, 2.0.0 now`],
  ])("under another computation, %o, is refused unless allowed", (changes, difference) => {
    const message = refusal(() => checkResumable("runs/a", RECORD, { ...now, ...changes }));
    expect(message).toContain(`runs/a would go on with another computation (${difference})`);
    expect(message).toMatch(/resume it all the same with `allowDifferent`$/);
    expect(() => checkResumable("runs/a", RECORD, { ...now, ...changes, allowDifferent: true })).not.toThrow();
  });

  test("with other data is refused, allowed or not", () => {
    const files = [{ ...RECORD.data.files[0]!, sha256: "00".repeat(32) }];
    for (const allowDifferent of [false, true]) {
      const other = { ...now, data: { ...data, files }, allowDifferent };
      expect(refusal(() => checkResumable("runs/a", RECORD, other))).toBe(
        "runs/a was trained on other data than /data holds; give the run's own data with `data`",
      );
    }
  });
});
