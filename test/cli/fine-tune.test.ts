/** `train RECIPE --weights`: a whole network is fine-tuned, a run like any other. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { repeatOf } from "../../src/cli/repeat.ts";
import { encodeSafetensors, type NamedTensor } from "../../src/formats/safetensors.ts";
import { squeezenet11 } from "../../src/models/field/densenet.ts";
import { buildModel, initialTensors, withoutNormalization } from "../../src/nn/model.ts";
import { readMetrics, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { COMMIT, hubServer } from "../data/hub-server.ts";
import { putShapes } from "../data/picture-fixtures.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const at = (name: string) => join(FOLDER, name);
const [DATA, MORE, SOURCE, FILE] = [at("three"), at("four"), at("source"), at("squeezenet.safetensors")];
const QUICK = ["--threads", "1", "--skip-report"];

const hub = hubServer();

/** Weights as torchvision publishes them, but random and for seven classes. */
function publishedTensors(): NamedTensor[] {
  const task = { channels: 3, height: 32, width: 32, classes: 7 };
  const normalization = withoutNormalization(task);
  const graph = buildModel(squeezenet11, { task, normalization, batchSize: 1, mode: "inference" });
  const data = initialTensors(graph, 3);
  return graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: data.get(name)! }));
}

beforeAll(async () => {
  await putShapes(DATA, { classes: 3, images: 20 });
  await putShapes(MORE, { classes: 4, images: 20 });
  writeFileSync(FILE, encodeSafetensors(publishedTensors()));
  const args = ["train", "tiny", "--data", DATA, "--size", "16", "--epochs", "8", "--out", SOURCE, ...QUICK];
  const { code, stderr } = await tailor(args);
  expect(code, stderr).toBe(0);
});

test("a run's weights go on in another run: images and normalisation are theirs, and so is the head of the same classes", async () => {
  const out = at("tuned");
  const options = [
    "--head-epochs",
    "1",
    "--epochs",
    "3",
    "--early-rate",
    "0.5",
    "--freeze",
    "conv1",
    "--freeze-batch-norm",
  ];
  const made = await tailor([
    ...["train", "tiny", "--weights", SOURCE, "--data", DATA, "--out", out, "--evaluate", "test"],
    ...[...options, "--lr", "1e-4", ...QUICK],
  ]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(
    /weights: .*source\/weights\.safetensors; pixels are normalised as the file says \(mean 0\./,
  );
  expect(made.stderr).not.toContain("the head of");
  const [source, record] = [readRunRecord(SOURCE), readRunRecord(out)];
  expect(record.data).toMatchObject({ image: source.data.image, normalization: source.data.normalization });
  expect(record.recipe).toMatchObject({
    epochs: 3,
    fineTune: { headEpochs: 1, earlyRate: 0.5, frozen: ["conv1"], batchNorm: "frozen" },
  });
  const [before, after] = [readWeights(SOURCE).tensors, readWeights(out).tensors];
  const kept = before.flatMap(({ name, data }, i) =>
    data.every((value, j) => value === after[i]!.data[j]) ? [name] : [],
  );
  const isStatistic = (name: string) => /running_(mean|var)$/.test(name);
  expect(kept.filter((name) => !isStatistic(name))).toEqual(["conv1.weight"]);
  expect(kept.filter(isStatistic)).toEqual(before.map(({ name }) => name).filter(isStatistic));
  // It starts where the other run ended: at its accuracy, not at a third.
  expect(readMetrics(out)[0]!.trainLoss).toBeLessThan(readMetrics(SOURCE)[0]!.trainLoss);

  const predicted = await tailor(["predict", out, join(DATA, "shape 1/3.jpg")]);
  expect(predicted.code, predicted.stderr).toBe(0);
  const exported = await tailor(["export", out, "--format", "pytorch", "--out", at("torch")]);
  expect(exported.code, exported.stderr).toBe(0);
  expect(existsSync(at("torch/model.py"))).toBe(true);
});

test("its report repeats it with its weights, by a recipe or by options", () => {
  const record = readRunRecord(at("tuned"));
  const { command, recipeFile } = repeatOf(record)!;
  expect(command).toContain("train recipe.json");
  expect(JSON.parse(recipeFile!.text)).toMatchObject({ pretrained: { file: join(SOURCE, "weights.safetensors") } });
  expect(repeatOf({ ...record, recipeFile: "mine.mjs" })!.command).toContain(
    `--weights ${join(SOURCE, "weights.safetensors")} --head-epochs 1 --early-rate 0.5 --freeze conv1 --freeze-batch-norm`,
  );
});

test("a head for other classes is drawn anew, which is said", async () => {
  const out = at("other");
  const args = ["train", "tiny", "--weights", join(SOURCE, "weights.safetensors"), "--data", MORE, "--epochs", "2"];
  const made = await tailor([...args, "--out", out, ...QUICK]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(
    /the head of .*weights\.safetensors \(.*weight.*\) is for 3 classes, not 4: it gets fresh weights/,
  );
  expect(readRunRecord(out)).toMatchObject({ status: "finished", data: { image: { height: 16 } } });
});

test("published weights normalise as their network does; seeds share one recipe", THOROUGH, async () => {
  const out = at("published");
  const args = ["train", "squeezenet1_1", "--weights", FILE, "--data", DATA, "--size", "32", "--epochs", "2"];
  const made = await tailor([...args, "--seeds", "2", "--out", out, ...QUICK]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain(
    "pixels are normalised as published weights of the network are (mean 0.485, 0.456, 0.406",
  );
  expect(made.stderr).toContain("is for 7 classes, not 3: it gets fresh weights");
  const [one, two] = [1, 2].map((seed) => readRunRecord(join(out, `s${seed}`)));
  expect(one!.recipe).toEqual(two!.recipe);
  expect(one!.data.normalization).toEqual({ mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225] });
});

test(
  "weights on Hugging Face are fetched once, recorded with their commit, and checked when the run is resumed",
  THOROUGH,
  async () => {
    const content = readFileSync(join(SOURCE, "weights.safetensors"));
    hub.files.set("owner/net/model.safetensors", { content, stored: content });
    hub.files.set("owner/net/other/tiny.safetensors", { content, stored: content });
    const env = { HF_HUB_CACHE: at("hub"), HF_ENDPOINT: hub.url(), HF_TOKEN: "hf_secret" };
    const [out, file] = [at("from-hub"), at(`hub/models--owner--net/snapshots/${COMMIT}/model.safetensors`)];
    const begin = ["train", "tiny", "--data", DATA, "--epochs", "2", ...QUICK];
    const made = await tailor([...begin, "--weights", "hf:owner/net", "--out", out], { env });
    expect(made.code, made.stderr).toBe(0);
    const source = `hf:owner/net/model.safetensors@${COMMIT}`;
    expect(made.stderr).toContain("fetching model.safetensors of owner/net");
    expect(made.stderr).toContain(`weights: ${source}; pixels are normalised as the file says`);
    expect(hub.asked[0]!.authorization).toBe("Bearer hf_secret");
    const record = readRunRecord(out);
    expect(record.recipe).toMatchObject({
      pretrained: { file, source, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(repeatOf({ ...record, recipeFile: "mine.mjs" })!.command).toContain(`--weights '${source}'`);

    // The same content: of a path, of a commit, and without a network.
    const offline = { env: { ...env, HF_HUB_OFFLINE: "1" } };
    const again = await tailor([...begin, "--weights", source, "--out", at("offline")], offline);
    expect(again.code, again.stderr).toBe(0);
    expect(readWeights(at("offline")).tensors).toEqual(readWeights(out).tensors);
    const missing = await tailor([...begin, "--weights", "hf:owner/net/other/tiny.safetensors"], offline);
    expect(refusalOf(missing, 1)).toMatch(/other\/tiny\.safetensors of owner\/net is not in .*HF_HUB_OFFLINE forbids/);

    // A run without a state starts from the file again; any other refuses one that has changed.
    const { status: _, result: __, ...rest } = record;
    for (const name of ["state.safetensors", "metrics.jsonl", "weights.safetensors", "model.onnx"]) {
      rmSync(join(out, name));
    }
    const begun = {
      ...rest,
      files: record.files?.filter(({ name }) => name === "split.json"),
      status: "running",
      result: null,
    };
    writeFileSync(join(out, "run.json"), JSON.stringify(begun));
    renameSync(file, `${file}.away`);
    expect(refusalOf(await tailor(["train", "--resume", out]), 1)).toMatch(
      /there is no file .*model\.safetensors any more, which was hf:owner\/net\/model\.safetensors@a+; fetch it again/,
    );
    writeFileSync(file, content.subarray(0, -4));
    expect(refusalOf(await tailor(["train", "--resume", out]), 1)).toMatch(
      /model\.safetensors has changed since the run began/,
    );
    rmSync(file);
    renameSync(`${file}.away`, file);
    const resumed = await tailor(["train", "--resume", out, ...QUICK]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(readWeights(out).tensors).toEqual(readWeights(at("offline")).tensors);
  },
);

test("a sweep and a search for a learning rate start from weights too", THOROUGH, async () => {
  const args = ["tiny", "--weights", SOURCE, "--data", DATA, "--threads", "1", "--freeze", "conv1"];
  const { best } = await tailorJson<{ best: { recipe: string; runs: string[] } }>([
    ...[
      "sweep",
      ...args,
      "--epochs",
      "1",
      "--head-epochs",
      "0",
      "--over",
      "fineTune.earlyRate=0.1,1",
      "--out",
      at("rates"),
    ],
  ]);
  expect(JSON.parse(readFileSync(best.recipe, "utf8"))).toMatchObject({
    epochs: 1,
    pretrained: { file: join(SOURCE, "weights.safetensors") },
    fineTune: { headEpochs: 0, frozen: ["conv1"] },
  });
  // What is frozen has the weights of the other run.
  const [before, after] = [SOURCE, best.runs[0]!].map((run) => readWeights(run).tensors);
  expect(after![0]).toEqual(before![0]);
  const search = [...args, "--steps", "10", "--from", "1e-4", "--batch-size", "8", "--out", at("lr")];
  const found = await tailorJson<{ steps: { loss: number }[] }>(["lr-find", ...search]);
  // Its weights tell the classes apart: drawn ones begin at ln 3.
  expect(found.steps[0]!.loss).toBeLessThan(readMetrics(SOURCE)[0]!.trainLoss);
});

test(
  "its recipe in a file can be swept, and changed by options without naming the weights again",
  THOROUGH,
  async () => {
    const { recipe } = readRunRecord(join(at("published"), "s1"));
    writeFileSync(at("recipe.json"), JSON.stringify({ ...recipe, name: "mine", epochs: 1, fineTune: {} }));
    const args = [at("recipe.json"), "--data", DATA, "--size", "32", "--threads", "1"];
    const swept = await tailor(["sweep", ...args, "--over", "fineTune.earlyRate=0.1,1", "--out", at("sweep")]);
    expect(swept.code, swept.stderr).toBe(0);
    expect(swept.stderr).toContain("is for 7 classes, not 3: it gets fresh weights");
    const made = await tailor(["train", ...args, "--freeze", "features.0", "--out", at("changed"), "--skip-report"]);
    expect(made.code, made.stderr).toBe(0);
    expect(readRunRecord(at("changed")).recipe).toMatchObject({
      pretrained: { file: FILE },
      fineTune: { frozen: ["features.0"] },
    });
  },
);

describe("is refused", () => {
  const train = (recipe: string, ...options: string[]) =>
    tailor(["train", recipe, "--data", DATA, "--out", at("refused"), ...QUICK, ...options]);

  test("with weights that are missing, another network's or not finite", async () => {
    expect(refusalOf(await train("tiny", "--weights", at("none.safetensors")), 2)).toMatch(/there is no file .*none/);
    expect(refusalOf(await train("tiny", "--weights", FILE), 1)).toMatch(
      /squeezenet\.safetensors does not hold the weights of model "tiny" .*missing "conv1\.weight"/,
    );
    const [first, ...others] = publishedTensors();
    const broken = [{ ...first!, data: first!.data.map((value, i) => (i === 2 ? Number.NaN : value)) }, ...others];
    writeFileSync(at("broken.safetensors"), encodeSafetensors(broken));
    const refused = await train("squeezenet1_1", "--weights", at("broken.safetensors"), "--size", "32");
    expect(refusalOf(refused, 1)).toMatch(/tensor "features\.0\.weight" holds NaN at index 2/);
    expect(existsSync(at("refused"))).toBe(false);
  });

  test.each<[string, string[], RegExp]>([
    ["without weights", ["tiny", "--freeze", "conv1"], /--freeze goes with --weights/],
    [
      "with no name",
      ["tiny", "--weights", SOURCE, "--freeze", "conv1,,"],
      /--freeze must be names of layers with commas/,
    ],
    [
      "with a layer that is not there",
      ["tiny", "--weights", SOURCE, "--freeze", "convx"],
      /called "convx"; there are: conv1/,
    ],
    [
      "with a new head frozen",
      ["squeezenet1_1", "--weights", FILE, "--size", "32", "--freeze", "classifier", "--head-epochs", "0"],
      /classifier\.1\.weight is part of the head, which is new here/,
    ],
    [
      "with more epochs of the head than all",
      ["tiny", "--weights", SOURCE, "--epochs", "2", "--head-epochs", "3"],
      /from 0 to 2, the epochs in all, got 3/,
    ],
    ["with an early rate above the head's", ["tiny", "--weights", SOURCE, "--early-rate", "3"], /at most 1, got 3/],
    [
      "for images of other channels",
      ["tiny", "--weights", SOURCE, "--channels", "1"],
      /images of 3 channels, not 1; .*--channels 3/,
    ],
    [
      "for the features of a backbone",
      ["transfer", "--backbone", "x.onnx", "--weights", SOURCE],
      /leave out --weights|--weights is for whole networks/,
    ],
  ])("%s", async (_, [recipe, ...options], message) => {
    expect(refusalOf(await train(recipe!, ...options), 2)).toMatch(message);
  });

  test("by commands before anything is trained", async () => {
    const of = (command: string, ...options: string[]) => tailor([command, ...options, "--data", DATA]);
    const over = ["--over", "epochs=1,2"];
    expect(refusalOf(await of("sweep", "tiny", ...over, "--freeze", "conv1"), 2)).toMatch(
      /--freeze goes with --weights/,
    );
    expect(refusalOf(await of("sweep", "transfer", ...over, "--weights", SOURCE), 2)).toMatch(
      /--weights is for whole networks/,
    );
    expect(refusalOf(await of("lr-find", "squeezenet1_1", "--weights", SOURCE, "--size", "32"), 1)).toMatch(
      /does not hold the weights of model "squeezenet1_1"/,
    );
    expect(refusalOf(await of("ablate", "--weights", SOURCE), 2)).toMatch(/unknown option '--weights'/);
  });

  test("when a run is resumed, which has its weights", async () => {
    expect(refusalOf(await tailor(["train", "--resume", SOURCE, "--weights", FILE]), 2)).toMatch(/leave out --weights/);
  });
});
