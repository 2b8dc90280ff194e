import { describe, expect, test } from "vitest";
import { champion, sprint } from "../../src/models/champion.ts";
import { findModel, MODELS } from "../../src/models/index.ts";
import { photos } from "../../src/models/photos.ts";
import { resnet18Kefth } from "../../src/models/resnet18.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { light, tiny } from "../../src/models/tiny.ts";
import { batchNorm, conv2d, dropout, flatten, globalAveragePool, linear, relu, residual } from "../../src/nn/index.ts";
import type { LayerContext } from "../../src/nn/layer.ts";
import { buildModel, type ImageTask, initialTensors, type Model } from "../../src/nn/model.ts";
import { modelFacts } from "../../src/nn/model-facts.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

const FASHION: ImageTask = { channels: 1, height: 28, width: 28, classes: 10 };

function build(model: Model, { batchSize = 2, mode = "training" as "training" | "inference", task = FASHION } = {}) {
  const normalization = {
    mean: new Array<number>(task.channels).fill(0.3),
    standardDeviation: new Array<number>(task.channels).fill(0.3),
  };
  return buildModel(model, { task, batchSize, mode, normalization });
}

const described = (tensors: readonly { name: string; value: { shape: readonly number[] } }[]) =>
  tensors.map(({ name, value }) => `${name} ${value.shape}`);

const total = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

describe("names and order are those of PyTorch's state_dict", () => {
  test("base", () => {
    const { tensors, parameters, buffers, masks } = build(base);
    expect(described(tensors)).toEqual([
      "conv1.weight 32,1,3,3",
      "conv1.bias 32",
      "conv2.weight 64,32,3,3",
      "conv2.bias 64",
      "fc1.weight 128,3136",
      "fc1.bias 128",
      "fc2.weight 10,128",
      "fc2.bias 10",
    ]);
    expect(parameters.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
    expect([buffers, masks]).toEqual([[], []]);
  });

  test("enhanced: running statistics follow their layer's parameters; the mask has its rate", () => {
    const { tensors, parameters, buffers, masks } = build(enhanced);
    const names = described(tensors);
    expect(names.slice(0, 6)).toEqual([
      "conv1.weight 32,1,3,3",
      "bn1.weight 32",
      "bn1.bias 32",
      "bn1.running_mean 32",
      "bn1.running_var 32",
      "conv2.weight 32,32,3,3",
    ]);
    expect(names.slice(-7)).toEqual([
      "fc1.weight 256,1152",
      "bn6.weight 256",
      "bn6.bias 256",
      "bn6.running_mean 256",
      "bn6.running_var 256",
      "fc2.weight 10,256",
      "fc2.bias 10",
    ]);
    expect(names).toHaveLength(5 * 5 + 5 + 2);
    expect(parameters).toHaveLength(5 * 3 + 3 + 2);
    expect(buffers).toHaveLength(12);
    expect(masks.map(({ name, value, rate }) => [name, value.shape, value.dtype, rate])).toEqual([
      ["dropout1.mask", [2, 256], "uint8", 0.3],
    ]);
  });

  test("of layers inside a block are prefixed with it, its shortcut's apart from its body's", () => {
    const model: Model = {
      name: "blocks",
      layers: ({ classes }) => [
        conv2d(4, { kernelSize: 3, bias: false }),
        residual(
          [conv2d(8, { kernelSize: 1 }), relu(), conv2d(8, { kernelSize: 1, bias: false })],
          [conv2d(8, { kernelSize: 1 })],
        ),
        residual([residual([batchNorm(), dropout(0.1)])]),
        globalAveragePool(),
        flatten(),
        linear(classes, { bias: false }),
      ],
    };
    const { tensors, masks } = build(model);
    expect(tensors.map(({ name }) => name)).toEqual([
      "conv1.weight",
      "block1.conv1.weight",
      "block1.conv1.bias",
      "block1.conv2.weight",
      "block1.shortcut_conv1.weight",
      "block1.shortcut_conv1.bias",
      "block2.block1.bn1.weight",
      "block2.block1.bn1.bias",
      "block2.block1.bn1.running_mean",
      "block2.block1.bn1.running_var",
      "fc1.weight",
    ]);
    expect(masks.map(({ name }) => name)).toEqual(["block2.block1.dropout1.mask"]);
  });

  test("are unique: a layer that declares one twice is an internal error", () => {
    const declareTwice = (context: LayerContext) => context.buffer("same", [1], 0);
    const twice: Model = {
      name: "twice",
      layers: () => [
        {
          kind: "odd",
          description: "odd",
          forward(x, context) {
            declareTwice(context);
            declareTwice(context);
            return x;
          },
        },
      ],
    };
    expect(() => build(twice)).toThrow("two tensors are named odd1.same");
  });
});

describe("parameters and multiply-adds of one image, by hand", () => {
  test("base: 421,642 parameters, 4,241,152 multiply-adds, in any batch", () => {
    for (const batchSize of [1, 32]) {
      const { layers } = build(base, { batchSize });
      const counted = layers.filter(({ parameters }) => parameters > 0);
      expect(counted.map(({ name, parameters, multiplyAdds }) => [name, parameters, multiplyAdds])).toEqual([
        ["conv1", 32 * 9 + 32, 28 * 28 * 32 * 9],
        ["conv2", 64 * 32 * 9 + 64, 14 * 14 * 64 * 32 * 9],
        ["fc1", 3136 * 128 + 128, 3136 * 128],
        ["fc2", 128 * 10 + 10, 128 * 10],
      ]);
      expect(counted.map(({ multiplyAdds }) => multiplyAdds)).toEqual([225_792, 3_612_672, 401_408, 1_280]);
      expect(total(layers.map(({ parameters }) => parameters))).toBe(421_642);
      expect(total(layers.map(({ multiplyAdds }) => multiplyAdds))).toBe(4_241_152);
      expect(layers.map(({ outputShape }) => outputShape[0])).toEqual(layers.map(() => batchSize));
    }
  });

  test("enhanced: 437,162 parameters, running statistics not counted", () => {
    for (const mode of ["training", "inference"] as const) {
      const { layers } = build(enhanced, { mode });
      expect(total(layers.map(({ parameters }) => parameters))).toBe(437_162);
      const convolutions = layers.filter(({ name }) => name.startsWith("conv"));
      expect(convolutions.map(({ multiplyAdds }) => multiplyAdds)).toEqual([
        28 * 28 * 32 * 1 * 9,
        28 * 28 * 32 * 32 * 9,
        14 * 14 * 64 * 32 * 9,
        14 * 14 * 64 * 64 * 9,
        7 * 7 * 128 * 64 * 9,
      ]);
      expect(layers.find(({ name }) => name === "bn5")).toMatchObject({ parameters: 256, multiplyAdds: 0 });
      expect(layers.find(({ name }) => name === "bn6")).toMatchObject({ parameters: 512, multiplyAdds: 0 });
    }
  });

  test("tiny: 23,866 parameters, not above 25,000; a separable convolution is nine products per channel, then one per pair of channels", () => {
    const { layers } = build(tiny);
    expect(total(layers.map(({ parameters }) => parameters))).toBe(23_866);
    const norm = (channels: number) => 2 * channels;
    expect(layers.find(({ name }) => name === "block2")).toMatchObject({
      parameters: 48 * 9 + norm(48) + 48 * 48 + norm(48),
      multiplyAdds: 14 * 14 * 48 * (9 + 48),
    });
    expect(layers.find(({ name }) => name === "dwconv2")).toMatchObject({
      parameters: 48 * 9,
      multiplyAdds: 7 * 7 * 48 * 9,
    });
    expect(layers.at(-1)).toMatchObject({ parameters: 64 * 10 + 10, multiplyAdds: 640 });
  });

  test.each([
    [resnet18Kefth, 2_776_522, 321_580_544],
    [champion, 257_754, 29_918_400],
    [light, 17_962, 1_364_452],
    [sprint, 458_858, 6_047_488],
  ])("$name has the stated parameters and multiply-adds", (model, parameters, multiplyAdds) => {
    expect(modelFacts(model, { channels: 1, height: 28, width: 28, classes: 10 })).toMatchObject({
      parameters,
      multiplyAdds,
    });
  });

  test.each([
    [8, 8],
    [31, 45],
    [96, 96],
    [224, 160],
  ])("photos has the same parameters for images of any size, %ix%i here", (height, width) => {
    const { layers } = build(photos, { task: { channels: 3, height, width, classes: 5 } });
    expect(total(layers.map(({ parameters }) => parameters))).toBe(1_227_685);
    if (height === 96) expect(total(layers.map(({ multiplyAdds }) => multiplyAdds))).toBeLessThan(150e6);
  });

  test("a block's facts include exactly those of its layers", () => {
    const body = [conv2d(2, { kernelSize: 3, padding: 1 })];
    const model: Model = {
      name: "block",
      layers: ({ classes }) => [
        residual(body, [conv2d(2, { kernelSize: 1 })]),
        residual(body),
        flatten(),
        linear(classes),
      ],
    };
    const [first, second] = build(model, { task: { channels: 1, height: 5, width: 4, classes: 3 } }).layers;
    expect(first).toMatchObject({ name: "block1", parameters: 2 * 9 + 2 + 2 + 2, multiplyAdds: 20 * 2 * 9 + 20 * 2 });
    expect(second).toMatchObject({ name: "block2", parameters: 2 * 2 * 9 + 2, multiplyAdds: 20 * 2 * 2 * 9 });
  });
});

describe("inference", () => {
  test("has the tensors of training, no masks, and updates no statistics", () => {
    const [training, inference] = [build(enhanced), build(enhanced, { mode: "inference" })];
    expect(described(inference.tensors)).toEqual(described(training.tensors));
    expect(inference.masks).toEqual([]);
    expect(training.buffers.every(({ next }) => next !== undefined)).toBe(true);
    expect(inference.buffers.every(({ next }) => next === undefined)).toBe(true);
  });

  test("dropout of rate 0 needs no mask in training either", () => {
    const model: Model = { name: "none", layers: ({ classes }) => [flatten(), dropout(0), linear(classes)] };
    expect(build(model).masks).toEqual([]);
  });
});

test("a model is found by its name; the error for an unknown name lists all models", () => {
  expect(MODELS.map(({ name }) => findModel(name))).toEqual(MODELS);
  const error = userErrorOf(() => findModel("Base"));
  expect([error.exitCode, error.message]).toEqual([
    2,
    'there is no model "Base"; choose one of: base, enhanced, photos, resnet18, resnet18-kefth, tiny, light, champion, sprint, resnet18-imagenet, resnet34, resnet50, mobilenet_v2, mobilenet_v3_small, mobilenetv3_small_100, efficientnet_b0, densenet121, squeezenet1_1, convnext_atto, vit_tiny_patch16_224, mixer_s16_224, mixer_b16_224',
  ]);
});

test("initial tensors come in the model's order", () => {
  const graph = build(enhanced);
  expect([...initialTensors(graph, 1).keys()]).toEqual(graph.tensors.map(({ name }) => name));
});
