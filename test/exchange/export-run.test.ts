import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, test } from "vitest";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { type ExportOptions, exportRun } from "../../src/exchange/export-run.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/formats/safetensors.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { allRows } from "../support/all-rows.ts";
import { flipBit, forgetChecksums } from "../training/support/damage.ts";
import { failureOf } from "../training/support/failure.ts";
import { RECIPE } from "../training/support/jobs.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";

const FOLDER = sharedFolder();
const RUN = join(FOLDER, "run");
/** More than a batch of evaluation. */
const TESTS = 300;
const data: LoadedData = await loadFashionMnist({ folder: await smallDataFolder({ train: 120, test: TESTS }) });
let copies = 0;

beforeAll(async () => {
  const run = { recipe: { ...RECIPE, epochs: 1 }, seed: 4, trainOn: "split", limit: 80, out: RUN } as const;
  await trainNewRun(run, { data, threads: 1, runtime: nodeRuntime });
  await evaluateRun(RUN, { data, split: "test", averageFlips: false, threads: 1 });
});

const place = (name: string) => join(FOLDER, `${copies++}-${name}`);
const options = (changes: Partial<ExportOptions> = {}): ExportOptions => ({
  format: "onnx",
  out: place("out.onnx"),
  force: false,
  data,
  threads: 1,
  runtime: nodeRuntime,
  ...changes,
});

/** A copy of the run, changed. */
function runWith(change: (folder: string) => void): string {
  const copy = place("run");
  cpSync(RUN, copy, { recursive: true });
  change(copy);
  return copy;
}

const rewriteWeights = (change: (weights: ReturnType<typeof readWeights>) => ReturnType<typeof readWeights>) =>
  runWith((folder) => {
    const { tensors, metadata } = change(readWeights(folder));
    writeFileSync(join(folder, "weights.safetensors"), encodeSafetensors(tensors, metadata));
    forgetChecksums(folder);
  });

/** Node's engine, but for logits that are off by `error`. */
const runtimeOffBy = (error: number): Runtime => ({
  ...nodeRuntime,
  async open(program, sessionOptions) {
    const session = await nodeRuntime.open(program, sessionOptions);
    return {
      load: (tensors) => session.load(tensors),
      save: () => session.save(),
      run: async (feeds) => ({ logits: (await session.run(feeds)).logits!.map((logit) => logit + error) }),
      release: () => session.release(),
    };
  },
});

describe("export to ONNX", () => {
  test("has its opset, input, outputs, and the facts of the run", async () => {
    const { out, ...rest } = options();
    await exportRun(RUN, { out, ...rest });
    const { opsetImport, metadataProps, graph } = fromBinary(ModelProtoSchema, readFileSync(out));
    expect(opsetImport).toMatchObject([{ domain: "", version: 17n }]);
    expect(graph!.input.map(({ name }) => name)).toEqual(["pixels"]);
    expect(graph!.output.map(({ name }) => name)).toEqual(["logits", "probabilities"]);
    const { recipeName, result, evaluations, versions, commit } = readRunRecord(RUN);
    const { mean, standardDeviation } = normalizationOf(
      trainingData(data.train, { trainOn: "split", limit: 80 }).train,
    );
    expect(Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))).toEqual({
      producer: `tailor ${versions.tailor}`,
      ...(commit === null ? {} : { commit }),
      recipe: recipeName,
      seed: "4",
      epochs: "1",
      trainImages: "80",
      weightsSha256: result!.weightsSha256,
      validationAccuracy: String(result!.validationAccuracy),
      testAccuracy: `${evaluations!.test!.accuracy} (${evaluations!.test!.correct} of ${TESTS})`,
      fileSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      opset: "17",
      model: RECIPE.model.name,
      image: "1x28x28",
      classes: JSON.stringify(data.train.classNames),
      mean: JSON.stringify(mean),
      standardDeviation: JSON.stringify(standardDeviation),
    });
  });

  test("removes what a killed export to the same file left behind, and nothing else", async () => {
    const folder = place("killed");
    mkdirSync(folder);
    const left = (name: string) => `.${name}.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp`;
    for (const name of ["a.onnx", "b.onnx", "a.onnx.b"]) writeFileSync(join(folder, left(name)), "left by a kill");
    await exportRun(RUN, options({ out: join(folder, "a.onnx") }));
    expect(readdirSync(folder).sort()).toEqual([left("a.onnx.b"), left("b.onnx"), "a.onnx"].sort());
    const pytorch = place("killed-pytorch");
    mkdirSync(pytorch);
    writeFileSync(join(pytorch, left("model.py")), "left by a kill");
    await exportRun(RUN, options({ format: "pytorch", out: pytorch }));
    expect(readdirSync(pytorch).sort()).toEqual(["check.safetensors", "model.py", "weights.safetensors"]);
  });

  test("reports the largest difference over the test images", async () => {
    const out = place("model.onnx");
    const exact = await exportRun(RUN, options({ out }));
    expect(exact).toMatchObject({ file: out, format: "onnx", images: TESTS, imagesFrom: "test" });
    expect(exact.maxLogitDifference).toBeLessThan(1e-5);
    const moved = await exportRun(RUN, options({ runtime: runtimeOffBy(8e-5) }));
    expect(moved.maxLogitDifference).toBeGreaterThan(7e-5);

    const session = await InferenceSession.create(out, { intraOpNumThreads: 1 });
    const pixels = new Tensor("float32", Float32Array.from(allRows(data.test.images)), [TESTS, 1, 28, 28]);
    const { logits, probabilities } = await session.run({ pixels });
    expect([logits!.dims, probabilities!.dims, probabilities!.type]).toEqual([[TESTS, 10], [TESTS, 10], "float32"]);
    const scores = [...new Float32Array(logits!.data as Float32Array)];
    const correct = Array.from({ length: TESTS }, (_, i) => scores.slice(i * 10, i * 10 + 10)).filter(
      (row, i) => row.indexOf(Math.max(...row)) === data.test.labels[i],
    ).length;
    expect(correct).toBe(readRunRecord(RUN).evaluations!.test!.correct);
    await session.release();
  });

  test("fails above 1e-4 without writing or overwriting a file", async () => {
    const out = place("model.onnx");
    writeFileSync(out, "older");
    const error = await failureOf(exportRun(RUN, options({ out, force: true, runtime: runtimeOffBy(3e-4) })));
    expect(error.message).toMatch(
      /differ by up to 3\.0e-4 from the training engine's, more than 1e-4: it was not written/,
    );
    expect(readFileSync(out, "utf8")).toBe("older");
    const nan = await failureOf(exportRun(RUN, options({ runtime: runtimeOffBy(Number.NaN) })));
    expect(nan.message).toMatch(/logits that are not finite numbers/);
  });

  test("compares on noise if there are no test images of the network's size", async () => {
    const { images, imagesFrom, maxLogitDifference } = await exportRun(RUN, options({ data: undefined }));
    expect({ images, imagesFrom }).toEqual({ images: 64, imagesFrom: "noise" });
    expect(maxLogitDifference).toBeLessThan(1e-4);
    const wide: LoadedData = { ...data, test: { ...data.test, height: 14, width: 56 } };
    expect(await exportRun(RUN, options({ data: wide }))).toMatchObject({ imagesFrom: "noise" });
  });
});

describe("export of the weights", () => {
  test("as safetensors: bitwise the run's weights, with metadata", async () => {
    const out = place("weights.safetensors");
    const exported = await exportRun(RUN, options({ format: "safetensors", out }));
    expect(exported).toMatchObject({ file: out, format: "safetensors", maxLogitDifference: 0 });
    const [written, own] = [decodeSafetensors(readFileSync(out), out), readWeights(RUN)];
    expect(written.tensors).toEqual(own.tensors);
    const { fileSha256, ...facts } = own.metadata;
    expect(written.metadata).toMatchObject({ ...facts, seed: "4", fileSha256: expect.not.stringMatching(fileSha256!) });
    expect(Object.keys(facts).sort()).toEqual(["classes", "image", "mean", "model", "standardDeviation"]);
  });

  test("for PyTorch: a folder with the module, the weights and images to verify them", async () => {
    const out = place("pytorch");
    expect(await exportRun(RUN, options({ format: "pytorch", out }))).toMatchObject({
      file: out,
      maxLogitDifference: 0,
    });
    expect(readdirSync(out).sort()).toEqual(["check.safetensors", "model.py", "weights.safetensors"]);
    const { tensors } = decodeSafetensors(readFileSync(join(out, "check.safetensors")), "x");
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["pixels", [8, 1, 28, 28]],
      ["logits", [8, 10]],
    ]);
    expect([...tensors[0]!.data]).toEqual([...data.test.images.read(0, 8)]);
    expect(Math.max(...tensors[1]!.data.map(Math.abs))).toBeGreaterThan(0.01);
  });
});

describe("an existing target is refused before anything is written", () => {
  const file = () => {
    const path = place("taken");
    writeFileSync(path, "somebody's");
    return path;
  };

  test("a file, unless --force is given", async () => {
    const out = file();
    const error = await failureOf(exportRun(RUN, options({ out })));
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toMatch(/taken is there already; choose another path with `out`, or replace it with `force`/);
    expect(readFileSync(out, "utf8")).toBe("somebody's");
    await exportRun(RUN, options({ out, force: true }));
    expect(readFileSync(out).length).toBeGreaterThan(1000);
  });

  test("a folder with contents, unless --force is given, which keeps other files", async () => {
    const out = place("folder");
    mkdirSync(out);
    writeFileSync(join(out, "notes.txt"), "mine");
    const error = await failureOf(exportRun(RUN, options({ format: "pytorch", out })));
    expect(error.message).toMatch(/folder is not empty/);
    expect(readdirSync(out)).toEqual(["notes.txt"]);
    await exportRun(RUN, options({ format: "pytorch", out, force: true }));
    expect(readFileSync(join(out, "notes.txt"), "utf8")).toBe("mine");
    expect(existsSync(join(out, "model.py"))).toBe(true);
  });

  test.each<[string, () => Partial<ExportOptions>, RegExp]>([
    ["a run's own model", () => ({ out: join(RUN, "model.onnx"), force: true }), /model\.onnx is a run's own file/],
    ["a run's record", () => ({ out: join(RUN, "run.json"), force: true }), /run\.json is a run's own file/],
    ["a run folder", () => ({ format: "pytorch", out: RUN, force: true }), /is a run folder/],
    ["a folder for a file", () => ({ out: FOLDER, force: true }), /is a folder; expected a file's name/],
    ["a file for a folder", () => ({ format: "pytorch", out: file(), force: true }), /is a file; expected a folder/],
  ])("%s, even with --force", async (_, changes, message) => {
    const before = readFileSync(join(RUN, "model.onnx"));
    const error = await failureOf(exportRun(RUN, options(changes())));
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(readFileSync(join(RUN, "model.onnx"))).toEqual(before);
  });
});

describe("a run that cannot be exported", () => {
  const unfinish = (run: string) => {
    const record = JSON.parse(readFileSync(join(run, "run.json"), "utf8"));
    writeFileSync(join(run, "run.json"), JSON.stringify({ ...record, status: "running", result: null }));
  };

  test.each<[string, () => string, RegExp]>([
    ["unfinished", () => runWith(unfinish), /is not finished; resume it$/],
    ["no run", () => FOLDER, /is not a run folder/],
    [
      "weights that are another file",
      () => runWith((run) => writeFileSync(join(run, "weights.safetensors"), readFileSync(join(RUN, "model.onnx")))),
      /weights\.safetensors is damaged: it has \d+ bytes, run\.json says \d+; restore the file from a copy/,
    ],
    [
      "a flipped bit in the weights",
      () => runWith(flipBit("weights.safetensors")),
      /weights\.safetensors is damaged: its SHA-256 is [0-9a-f]{64}, run\.json says [0-9a-f]{64}; restore the file/,
    ],
    [
      "weights of another training",
      () =>
        rewriteWeights(({ tensors, metadata }) => ({
          tensors: tensors.map((tensor, i) => (i === 0 ? { ...tensor, data: tensor.data.map((x) => -x) } : tensor)),
          metadata,
        })),
      /holds other weights than run\.json tells of/,
    ],
    [
      "weights of another network",
      () => rewriteWeights(({ tensors, metadata }) => ({ tensors: tensors.slice(1), metadata })),
      /does not hold the weights of model .*: missing "/,
    ],
    [
      "weights with another number of classes",
      () => rewriteWeights(({ tensors, metadata }) => ({ tensors, metadata: { ...metadata, classes: '["a","b"]' } })),
      /2 classes\): size mismatch for ".*\.weight", \[10, .*\] in the file and \[2, .*\] in the model \(and 1 more\)/,
    ],
  ])("%s", async (_, run, message) => {
    const out = place("never");
    const error = await failureOf(exportRun(run(), options({ out })));
    expect(error.message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});

describe("weights of an older version, which state only their classes", () => {
  const older = () =>
    rewriteWeights(({ tensors, metadata: { model, classes } }) => ({
      tensors,
      metadata: { model: model!, classes: classes! },
    }));

  test("take the rest from the run's own data", async () => {
    const [out, expected] = [place("a.onnx"), place("b.onnx")];
    await exportRun(older(), options({ out }));
    await exportRun(RUN, options({ out: expected }));
    expect(readFileSync(out)).toEqual(readFileSync(expected));
  });

  test("are refused without it, or with other data", async () => {
    const other: LoadedData = { ...data, files: data.files.map((file) => ({ ...file, sha256: "00".repeat(32) })) };
    for (const given of [undefined, other]) {
      const { message } = await failureOf(exportRun(older(), options({ data: given })));
      expect(message).toMatch(/does not say its normalisation.*give the run's own data with `data`/);
    }
  });
});
