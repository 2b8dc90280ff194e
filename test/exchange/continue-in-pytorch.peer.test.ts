import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import { decodeSafetensors } from "../../src/formats/safetensors.ts";
import { PUBLISHED_TYPES } from "../../src/formats/safetensors-dtypes.ts";
import { refusalOf, tailor, tailorJson } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { needTorch, python } from "./support/python.ts";

const FOLDER = sharedFolder();
const SCRIPT = resolve(import.meta.dirname, "../../docs/examples/continue_ddp.py");
const DATA = await smallDataFolder({ train: 240, test: 40 });

/** An unused port. */
function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? done(address.port) : fail(new Error("no port"))));
    });
  });
}

const tensorsOf = (file: string) => {
  const types = { types: PUBLISHED_TYPES, skip: (name: string) => name.endsWith("num_batches_tracked") };
  return decodeSafetensors(readFileSync(file), file, types).tensors;
};

test("docs/export.md's round trip: train, export, continue in PyTorch as one process and as two, import, evaluate", async (context) => {
  needTorch(context);
  const [run, exported] = [join(FOLDER, "run"), join(FOLDER, "pytorch")];
  const where = ["--data", DATA, "--threads", "1"];
  const train = ["train", "enhanced", "--limit", "64", "--batch-size", "32", "--epochs", "1", "--out", run, ...where];
  await tailorJson(train);
  await tailorJson(["export", run, "--format", "pytorch", "--out", exported, ...where]);

  const script = (out: string) => [
    SCRIPT,
    exported,
    "--data",
    DATA,
    "--limit",
    "64",
    "--batch-size",
    "16",
    "--out",
    out,
  ];
  const [alone, together] = [join(FOLDER, "alone.safetensors"), join(FOLDER, "together.safetensors")];
  expect(await python(script(alone))).toMatch(/^epoch 1\/1: loss of the last batch \d\.\d{4}\n$/);
  const group = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(await freePort()) };
  const said = await Promise.all(["0", "1"].map((RANK) => python(script(together), { ...group, RANK })));
  expect(said[1]).toBe("");
  // Each process saw half of the images, so the two results differ; and both moved on from what was exported.
  const [start, one, two] = [join(exported, "weights.safetensors"), alone, together].map(tensorsOf);
  for (const { tensors, other } of [
    { tensors: one!, other: start! },
    { tensors: two!, other: start! },
    { tensors: one!, other: two! },
  ]) {
    expect(tensors.map(({ name }) => name)).toEqual(start!.map(({ name }) => name));
    expect(tensors.every(({ data }, i) => data.every((value, at) => value === other[i]!.data[at]))).toBe(false);
  }

  for (const file of [alone, together]) {
    const imported = `${file}-run`;
    const result = await tailor(["import", file, "--out", imported, "--json"]);
    expect(result.stderr).not.toContain("taken to be");
    expect(JSON.parse(result.stdout)).toMatchObject({ run: imported, model: "enhanced", parameters: 437_162 });
    expect(await tailorJson(["evaluate", imported, ...where])).toMatchObject({ run: imported, total: 40 });
    const onnx = await tailorJson(["export", imported, "--out", `${file}.onnx`, ...where]);
    expect(onnx.maxLogitDifference).toBeLessThan(1e-4);
  }
});

/** A small network with batch norm and a residual block. */
const ownRecipe = (channels: number) => `
  import { batchNorm, conv2d, flatten, globalAveragePool, linear, maxPool2d, relu, residual } from "@tailor-ml/tailor";
  export default {
    name: "mine",
    description: "a test's",
    model: {
      name: "my-net",
      layers: ({ classes }) => [
        conv2d(${channels}, { kernelSize: 3, padding: 1, bias: false }), batchNorm(), relu(), maxPool2d(2),
        residual([conv2d(${channels}, { kernelSize: 3, padding: 1 }), relu()]), globalAveragePool(), flatten(), linear(classes),
      ],
    },
    epochs: 1, batchSize: 32, learningRate: 2e-3, schedule: { kind: "constant" }, optimizer: { kind: "adam" },
    labelSmoothing: 0, augmentation: {},
  };`;

test("a custom network on custom data makes the round trip: import --model takes the recipe's file", async (context) => {
  needTorch(context);
  const [recipe, run, exported, weights, back] = [
    "own-net.ts",
    "own-run",
    "own-pytorch",
    "own.safetensors",
    "own-back",
  ].map((name) => join(FOLDER, name)) as [string, string, string, string, string];
  const where = ["--data", DATA, "--threads", "1"];
  writeFileSync(recipe, ownRecipe(8));
  await tailorJson(["train", recipe, "--out", run, ...where]);
  await tailorJson(["export", run, "--format", "pytorch", "--out", exported, ...where]);
  await python([SCRIPT, exported, "--data", DATA, "--batch-size", "32", "--out", weights]);

  const importing = ["import", weights, "--out", back];
  const refusal = refusalOf(await tailor([...importing, "--json"]), 2);
  expect(refusal).toMatch(/belongs to the model "my-net"; name one with --model: .*or the file of your own recipe/);
  expect(existsSync(back)).toBe(false);
  const imported = await tailor([...importing, "--model", recipe, "--json"]);
  expect(imported.stderr).not.toContain("taken to be");
  expect(JSON.parse(imported.stdout)).toMatchObject({ run: back, model: "my-net" });
  // Custom data: pictures are fitted, which PyTorch did not know.
  const model = join(back, "model.onnx");
  expect(readModelMetadata(readFileSync(model), model).preparation).toEqual({ kind: "fit", fit: "crop" });

  const evaluated = await tailorJson(["evaluate", back, ...where]);
  expect(evaluated.total).toBe(40);
  // PyTorch, asked about the images of the check file, gives the logits of what was imported.
  const again = join(FOLDER, "own-again");
  expect(await tailorJson(["export", back, "--format", "pytorch", "--out", again, ...where])).toMatchObject({
    maxLogitDifference: 0,
  });
  expect(await python([join(again, "model.py")])).toMatch(/largest difference from tailor's logits: \d\.\de-0[5-9]/);
  const { runs } = await tailorJson<{ runs: { parameters: number; multiplyAdds: number }[] }>([
    "compare",
    run,
    back,
    "--threads",
    "1",
  ]);
  expect(runs[1]).toMatchObject({ recipe: "my-net (imported)" });
  expect(runs[1]!.multiplyAdds).toBe(runs[0]!.multiplyAdds);

  writeFileSync(recipe, ownRecipe(9));
  // In processes of their own, which have not loaded the recipe before.
  const anew = { node: [] };
  const wrong = [...importing, "--model", recipe, "--out", join(FOLDER, "no"), "--json"];
  expect(refusalOf(await tailor(wrong, anew), 1)).toMatch(/size mismatch for "conv1\.weight"/);
  const gone = await tailor(["export", back, "--out", join(FOLDER, "own.onnx"), "--json", ...where], anew);
  expect(refusalOf(gone, 1)).toMatch(/own-net\.ts has changed since .*own-back began: .*import the weights anew/);
  expect(await tailorJson(["evaluate", back, ...where])).toEqual(evaluated);
});
