/** What a pretrained network's file, and what lies beside it, say of its input and features. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { base } from "../../src/models/study.ts";
import { buildModel, initialTensors } from "../../src/nn/model.ts";
import { ModelProtoSchema, NodeProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { openBackbone, readFeatureModel } from "../../src/training/node/open-backbone.ts";
import { put } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { otherNetwork } from "./support/backbones.ts";

const THREADS = { threads: 1, report: () => {} };

function saved(bytes: Uint8Array, beside: Record<string, string> = {}): string {
  const folder = temporaryFolder();
  put(folder, { "net.onnx": bytes, ...beside });
  return join(folder, "net.onnx");
}

describe("a network", () => {
  test("gives its number of features and its cost", async () => {
    const file = saved(otherNetwork());
    const { backbone } = await openBackbone(file, THREADS);
    // 8 x 7 x 7 sums of 3 x 3 x 3 terms; the dense layer behind the features is not computed.
    expect(backbone).toMatchObject({ file, pooling: "none", features: 8, multiplyAdds: 8 * 7 * 7 * 27 });
    expect((await openBackbone(`${file}#scores`, THREADS)).backbone).toMatchObject({
      tensor: "scores",
      features: 5,
      multiplyAdds: 8 * 7 * 7 * 27 + 8 * 5,
    });
  });

  test("has the values of ImageNet unless the file, a configuration beside it or an option says otherwise", async () => {
    const rangeOf = async (file: string, options = {}) => {
      const { backbone, rangeFrom } = await openBackbone(file, { ...THREADS, ...options });
      const { mean, standardDeviation } = backbone.input;
      return { mean: mean[0], deviation: standardDeviation[0], rangeFrom };
    };
    const plain = saved(otherNetwork());
    expect(await rangeOf(plain)).toMatchObject({ mean: 0.485, deviation: 0.229 });
    expect(await rangeOf(plain, { range: "-1-1" })).toEqual({ mean: 0.5, deviation: 0.5, rangeFrom: "-1-1" });
    const configured = (config: object) =>
      saved(otherNetwork({ size: "size" }), { "preprocessor_config.json": JSON.stringify(config) });
    const siglip = configured({
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      size: { height: 32, width: 32 },
    });
    expect(await rangeOf(siglip)).toMatchObject({
      mean: 0.5,
      deviation: 0.5,
      rangeFrom: expect.stringContaining("preprocessor_config"),
    });
    expect((await openBackbone(siglip, THREADS)).backbone.input).toMatchObject({ height: 32, width: 32 });
    expect(await rangeOf(configured({ do_normalize: false }))).toMatchObject({ mean: 0, deviation: 1 });
    expect(await rangeOf(configured({ do_rescale: false, do_normalize: false }))).toMatchObject({
      mean: 0,
      deviation: 1 / 255,
    });
    await expect(rangeOf(configured({ image_mean: "half" }))).rejects.toThrow(
      /preprocessor_config.json: field "image_mean"/,
    );
  });

  test("of tailor takes pixels from 0 to 255, as it normalises them itself", async () => {
    const [task, normalization] = [
      { channels: 3, height: 16, width: 16, classes: 4 },
      { mean: [0.3, 0.3, 0.3], standardDeviation: [0.2, 0.2, 0.2] },
    ];
    const tensors = initialTensors(buildModel(base, { task, normalization, batchSize: 1, mode: "inference" }), 1);
    const file = saved(inferenceModel({ model: base, task, normalization, classNames: ["a", "b", "c", "d"], tensors }));
    const { backbone } = await openBackbone(file, THREADS);
    expect(backbone.input).toMatchObject({
      height: 16,
      mean: [0, 0, 0],
      standardDeviation: [1 / 255, 1 / 255, 1 / 255],
    });
  });

  test.each([
    [49, "tokens"],
    [50, "token"],
  ] as const)("of %i tokens: %s are used", async (tokens, pooling) => {
    const file = saved(
      otherNetwork({
        features: (writer, x) => {
          const all = writer.transpose(writer.reshape(x, [0, 8, 49]), [0, 2, 1]);
          const first = writer.node("Slice", [all, writer.integers([0]), writer.integers([1]), writer.integers([1])]);
          return tokens === 49 ? all : writer.node("Concat", [first, all], { axis: 1 });
        },
      }),
    );
    expect((await openBackbone(file, THREADS)).backbone).toMatchObject({ pooling, features: 8 });
    expect((await openBackbone(file, { ...THREADS, pooling: "tokens" })).backbone.pooling).toBe("tokens");
  });
});

test("of an old version, which lists its constants among the inputs, is read alike", async () => {
  const model = fromBinary(ModelProtoSchema, otherNetwork());
  model.irVersion = 3n;
  const [images] = model.graph!.input;
  model.graph!.input.push(...model.graph!.initializer.map(({ name }) => ({ ...images!, name: name! })));
  const old = await openBackbone(saved(toBinary(ModelProtoSchema, model)), THREADS);
  const { tensor, features, multiplyAdds } = (await openBackbone(saved(otherNetwork()), THREADS)).backbone;
  expect(old.backbone).toMatchObject({ tensor, features, multiplyAdds });
});

test.each<[string, () => string, object, RegExp]>([
  ["a missing file", () => "/nowhere/net.onnx", {}, /there is no file \/nowhere\/net.onnx/],
  ["a folder", temporaryFolder, {}, /is not a file; name the ONNX file/],
  [
    "another size than the file's",
    () => saved(otherNetwork()),
    { size: 32 },
    /takes images of 16x16; leave out `size`/,
  ],
  [
    "an operator that does not exist",
    () => saved(otherNetwork({ features: (writer, x) => writer.node("Imagine", [x]) })),
    {},
    /is not a network that ONNX Runtime can run \(.*Imagine/,
  ],
  [
    "a version of operators that is not known",
    () => {
      const model = fromBinary(ModelProtoSchema, otherNetwork());
      model.opsetImport[0]!.version = 999n;
      return saved(toBinary(ModelProtoSchema, model));
    },
    {},
    /is not a network that ONNX Runtime can run \(.*opset/i,
  ],
  [
    "a sequence of features",
    () => {
      const model = fromBinary(ModelProtoSchema, otherNetwork());
      const { output } = model.graph!.node.find(({ opType }) => opType === "Relu")!;
      model.graph!.node.push(
        create(NodeProtoSchema, { opType: "SequenceConstruct", input: output, output: ["sequence"], name: "sequence" }),
      );
      return `${saved(toBinary(ModelProtoSchema, model))}#sequence`;
    },
    {},
    /"sequence" is a sequence or map, no tensor; choose another value with #NAME/,
  ],
  [
    "features of the wrong shape",
    () => saved(otherNetwork({ features: (writer, x) => writer.reshape(x, [0, 2, 2, 2, 49]) })),
    {},
    /is \[2, 2, 2, 2, 49\] for two images; features are/,
  ],
])("%s is refused", async (_, file, options, message) => {
  await expect(openBackbone(file(), { ...THREADS, ...options })).rejects.toThrow(message);
});

test("a file that has changed since is not used", async () => {
  const file = saved(otherNetwork());
  const { backbone } = await openBackbone(file, THREADS);
  writeFileSync(file, otherNetwork({ metadata: { trained: "further" } }));
  expect(() => readFeatureModel(backbone)).toThrow(/has changed since the run began/);
});
