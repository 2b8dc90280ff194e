import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { decodeSafetensors } from "../../src/formats/safetensors.ts";
import { PUBLISHED_TYPES } from "../../src/formats/safetensors-dtypes.ts";
import { tailor, tailorJson } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { needTorch, python } from "./support/python.ts";

const FOLDER = sharedFolder();
const SCRIPT = resolve(import.meta.dirname, "../../docs/examples/continue_ddp.py");
const DATA = await smallDataFolder({ train: 240, test: 40 });

/** A port that nobody listens on. */
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

test("docs/export.md's round trip: train, export, go on in PyTorch as one process and as two, import, evaluate", {
  timeout: 600_000,
}, async (context) => {
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
