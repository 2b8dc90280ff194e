/** Weights that others have published for the networks of the field. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ImportOptions, importWeights } from "../../src/exchange/import-weights.ts";
import { encodeSafetensors, type NamedTensor } from "../../src/formats/safetensors.ts";
import { squeezenet11 } from "../../src/models/field/densenet.ts";
import { efficientnetB0, mobilenetV2, mobilenetV3Small100 } from "../../src/models/field/mobilenet.ts";
import { enhanced } from "../../src/models/study.ts";
import { buildModel, initialTensors, type Model, withoutNormalization } from "../../src/nn/model.ts";
import { readAnyRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { openPretrained } from "../../src/training/node/pretrained.ts";
import { safetensorsFile } from "../formats/support/safetensors.ts";
import { failureOf } from "../training/support/failure.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { networkOf } from "./support/networks.ts";

const FOLDER = sharedFolder();
const IMAGE = { channels: 3, height: 64, width: 64 };
/** Classes of the published head. */
const CLASSES = 7;
const HEAD = ["classifier.1.weight", "classifier.1.bias"];
let files = 0;

function tensorsOf(model: Model): readonly NamedTensor[] {
  const task = { ...IMAGE, classes: CLASSES };
  const graph = buildModel(model, { task, normalization: withoutNormalization(task), batchSize: 1, mode: "inference" });
  const data = initialTensors(graph, 3);
  return graph.tensors.map(({ name, value }) => ({ name, shape: value.shape, data: data.get(name)! }));
}

/** A file as torchvision's weights are once they are safetensors: no metadata. */
const TENSORS = tensorsOf(squeezenet11);

function fileOf(tensors: readonly NamedTensor[]): string {
  const path = join(FOLDER, `published${files++}.safetensors`);
  writeFileSync(path, encodeSafetensors(tensors));
  return path;
}

async function imported(
  file: string,
  given: Partial<ImportOptions> = {},
  size: Partial<ImportOptions> = { image: IMAGE },
) {
  const said: string[] = [];
  const out = join(FOLDER, `run${files++}`);
  const options = { model: "squeezenet1_1", ...size, threads: 1, ...given };
  const { folder } = await importWeights(file, { ...options, out: () => out, report: (line) => said.push(line) });
  return { said, ...readWeights(folder), record: readAnyRunRecord(folder) };
}

describe("a file of published weights", () => {
  test("is imported with ImageNet's normalisation, cropped pictures, and as many classes as its head has", async () => {
    const { said, tensors, metadata, record } = await imported(fileOf(TENSORS));
    expect(said).toEqual([
      expect.stringMatching(/says nothing of classes .*normalisation .*: taken to be ImageNet's$/),
    ]);
    expect(tensors).toEqual(TENSORS);
    expect(metadata).toMatchObject({
      model: "squeezenet1_1",
      image: "3x64x64",
      classes: JSON.stringify(["0", "1", "2", "3", "4", "5", "6"]),
      mean: "[0.485,0.456,0.406]",
      standardDeviation: "[0.229,0.224,0.225]",
      preparation: JSON.stringify({ kind: "fit", fit: "crop" }),
    });
    expect(record).toMatchObject({ status: "imported", parameters: 722_496 + 512 * CLASSES + CLASSES });
  });

  test("with a head for other classes gets fresh weights there, the same at every import, and says so in one line", async () => {
    const file = fileOf(TENSORS);
    const classNames = ["cat", "dog"];
    const first = await imported(file, { classNames });
    expect(first.said.at(-1)).toBe(
      `the head of ${file} (${HEAD.join(", ")}) is for 7 classes, not 2: it gets fresh weights, which must be trained`,
    );
    const isHead = ({ name }: NamedTensor) => HEAD.includes(name);
    expect(first.tensors.filter((tensor) => !isHead(tensor))).toEqual(TENSORS.filter((tensor) => !isHead(tensor)));
    expect(first.tensors.filter(isHead).map(({ shape }) => shape)).toEqual([[2, 512, 1, 1], [2]]);
    expect((await imported(file, { classNames })).tensors).toEqual(first.tensors);
  });

  const changed = (name: string, change: (tensor: NamedTensor) => NamedTensor[]) =>
    TENSORS.flatMap((tensor) => (tensor.name === name ? change(tensor) : [tensor]));
  const refused: [string, NamedTensor[], RegExp][] = [
    ["is missing", changed("features.3.squeeze.bias", () => []), /missing "features\.3\.squeeze\.bias"/],
    [
      "has another shape",
      changed("features.0.bias", (tensor) => [{ ...tensor, shape: [8, 8] }]),
      /size mismatch for "features\.0\.bias", \[8, 8\] in the file and \[64\] in the model/,
    ],
    [
      "is of another network",
      [...TENSORS, { name: "fc.bias", shape: [1], data: Float32Array.of(1) }],
      /unexpected "fc\.bias"/,
    ],
    [
      "is not finite, although the head is replaced",
      changed(HEAD[1]!, (tensor) => [{ ...tensor, data: tensor.data.with(4, Number.NaN) }]),
      /tensor "classifier\.1\.bias" holds NaN at index 4/,
    ],
    ["of the head is missing", changed(HEAD[0]!, () => []), /missing "classifier\.1\.weight"/],
  ];
  test.each(refused)("is refused by the tensor's name when one %s", async (_, tensors, message) => {
    const out = join(FOLDER, `run${files++}`);
    const classNames = ["cat", "dog"];
    const options = { model: "squeezenet1_1", image: IMAGE, classNames, threads: 1, report: () => {} };
    const error = await failureOf(importWeights(fileOf(tensors), { ...options, out: () => out }));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    expect(existsSync(out)).toBe(false);
  });
});

const TIMM_MODULES: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "../golden/timm-modules.json"), "utf8"),
);

describe("weights under timm's names", () => {
  const moduleOf = (name: string) => name.slice(0, name.lastIndexOf("."));
  const modulesOf = (model: Model) => [...new Set(tensorsOf(model).map(({ name }) => moduleOf(name)))];

  test.each([
    ["mobilenetv2_100", mobilenetV2],
    ["efficientnet_b0", efficientnetB0],
    ["mobilenetv3_small_100", mobilenetV3Small100],
  ])("each module of timm's %s has the name of the one in its place", (timm, model) => {
    const names = model.published!.otherNames!;
    expect(TIMM_MODULES[timm]!.map((module) => names[module])).toEqual(modulesOf(model));
    expect(Object.keys(names)).toHaveLength(TIMM_MODULES[timm]!.length);
  });

  /** As timm writes it: other names, and a dense layer as a convolution. */
  const inTimm = (() => {
    const ours = modulesOf(mobilenetV3Small100);
    return tensorsOf(mobilenetV3Small100).map((tensor): NamedTensor => {
      const timm = TIMM_MODULES.mobilenetv3_small_100![ours.indexOf(moduleOf(tensor.name))]!;
      const shape = timm === "conv_head" && tensor.shape.length === 2 ? [...tensor.shape, 1, 1] : tensor.shape;
      return { ...tensor, name: timm + tensor.name.slice(moduleOf(tensor.name).length), shape };
    });
  })();

  test("are imported as the network's own, also with a new head, and a line says so", async () => {
    const file = fileOf(inTimm);
    const model = "mobilenetv3_small_100";
    const { said, tensors } = await imported(file, { model });
    expect(said[0]).toBe("names of another program: conv_stem.weight is read as features.0.0.weight, and so on");
    expect(tensors).toEqual(tensorsOf(mobilenetV3Small100));
    const fresh = await imported(file, { model, classNames: ["cat", "dog"] });
    expect(fresh.said.at(-1)).toMatch(/the head of .* \(classifier\.3\.weight, classifier\.3\.bias\) is for 7 classes/);
    expect(fresh.tensors.slice(0, -2)).toEqual(tensors.slice(0, -2));
  });

  test("are refused by the name of one that is doubled, of another shape or of another network", async () => {
    const refusalOf = async (tensors: readonly NamedTensor[], model: string) => {
      const options = { model, image: IMAGE, threads: 1, report: () => {}, out: () => join(FOLDER, `run${files++}`) };
      return (await failureOf(importWeights(fileOf(tensors), options))).message;
    };
    const twice = [...inTimm, { ...inTimm[0]!, name: "features.0.0.weight" }];
    expect(await refusalOf(twice, "mobilenetv3_small_100")).toMatch(/unexpected "conv_stem\.weight"; name/);
    const wide = inTimm.map((tensor) =>
      tensor.name === "conv_head.weight" ? { ...tensor, shape: [1024, 144, 2, 2] } : tensor,
    );
    expect(await refusalOf(wide, "mobilenetv3_small_100")).toMatch(
      /size mismatch for "classifier\.0\.weight", \[1024, 144, 2, 2\] in the file and \[1024, 576\]/,
    );
    // torchvision's network has another epsilon.
    expect(await refusalOf(inTimm, "mobilenet_v3_small")).toMatch(/unexpected "conv_stem\.weight" \(and/);
  });
});

describe("a configuration next to a file of weights", () => {
  function beside(configurations: Record<string, unknown>, folder = join(FOLDER, `repository${files++}`)): string {
    mkdirSync(folder);
    const file = join(folder, "model.safetensors");
    writeFileSync(file, encodeSafetensors(TENSORS));
    for (const [name, content] of Object.entries(configurations))
      writeFileSync(join(folder, name), JSON.stringify(content));
    return file;
  }
  const TIMM = {
    architecture: "squeezenet1_1",
    pretrained_cfg: { mean: [0.5, 0.25, 0.125], std: [0.5, 0.4, 0.3], input_size: [3, 72, 64], crop_pct: 0.9 },
  };
  const TRANSFORMERS = { image_mean: [0.1, 0.2, 0.3], image_std: [1, 1, 1], size: { shortest_edge: 80 } };
  const metadataOf = async (file: string) => {
    const { metadata, said } = await imported(file, {}, {});
    return { mean: metadata.mean, image: metadata.image, assumed: said[0] };
  };

  test("of timm, or of transformers, says how pixels are normalised and how large images are", async () => {
    expect(await metadataOf(beside({ "config.json": TIMM }))).toEqual({
      mean: "[0.5,0.25,0.125]",
      image: "3x72x64",
      assumed: expect.stringMatching(/says nothing of classes \(`classNames`\): taken to be ImageNet's/),
    });
    const both = beside({ "config.json": TIMM, "preprocessor_config.json": TRANSFORMERS });
    expect(await metadataOf(both)).toMatchObject({ mean: "[0.1,0.2,0.3]", image: "3x80x80" });
    const { pretrained, normalizedAs } = await openPretrained(beside({ "config.json": TIMM }), squeezenet11, () => {});
    expect(normalizedAs).toBe("the configuration next to the file says");
    expect(pretrained).toMatchObject({
      image: { channels: 3, height: 72, width: 64 },
      normalization: { mean: [0.5, 0.25, 0.125] },
    });
  });

  test("of another program is not looked at; options come first", async () => {
    expect(await metadataOf(beside({ "config.json": { architectures: ["Net"], mean: 3 } }))).toMatchObject({
      mean: "[0.485,0.456,0.406]",
      image: "3x224x224",
    });
    const { metadata } = await imported(beside({ "config.json": TIMM }));
    expect(metadata).toMatchObject({ mean: "[0.5,0.25,0.125]", image: "3x64x64" });
  });

  test.each([
    [
      "a string as a mean",
      { pretrained_cfg: { ...TIMM.pretrained_cfg, mean: "half" } },
      /config\.json: field "pretrained_cfg\.mean"/,
    ],
    [
      "a deviation of 0",
      { pretrained_cfg: { ...TIMM.pretrained_cfg, std: [1, 0, 1] } },
      /config\.json: field "pretrained_cfg\.std\[1\]"/,
    ],
    [
      "two sizes",
      { pretrained_cfg: { ...TIMM.pretrained_cfg, input_size: [3, 64] } },
      /config\.json: field "pretrained_cfg\.input_size/,
    ],
  ])("with %s is refused by the field", async (_, config, message) => {
    expect((await failureOf(metadataOf(beside({ "config.json": config })))).message).toMatch(message);
  });
});

// 640 is 80 02 in bytes, as a pickle begins; with 65,536 more the third byte is 01.
test.each([640, 640 + 65_536])("a header of %i bytes is not taken for a pickle", async (length) => {
  const { tensors } = networkOf(enhanced, { channels: 1, height: 28, width: 28, classes: 10 });
  const bytes = encodeSafetensors(tensors);
  const written = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const names = tensors.map(({ name }) => name);
  const json = new TextDecoder().decode(bytes.subarray(8, 8 + written)).trimEnd();
  // Shorter than 640 bytes: one tensor only, which is not enough for a network, but read.
  const few = `{"${names[0]}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`;
  const isWhole = json.length <= length;
  const header = (isWhole ? json : few).padEnd(length);
  expect(header).toHaveLength(length);
  const file = join(FOLDER, `header${length}.safetensors`);
  writeFileSync(file, safetensorsFile(header, isWhole ? bytes.subarray(8 + written) : new Uint8Array(4)));
  expect([...readFileSync(file).subarray(0, 2)]).toEqual([0x80, 0x02]);
  const out = join(FOLDER, `run${files++}`);
  const options = { model: "enhanced", out: () => out, threads: 1, report: () => {} };
  if (isWhole) expect((await importWeights(file, options)).record.parameters).toBe(437_162);
  else expect((await failureOf(importWeights(file, options))).message).toMatch(/size mismatch for "conv1\.weight"/);
});
