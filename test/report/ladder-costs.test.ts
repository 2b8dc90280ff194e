import { describe, expect, test } from "vitest";
import {
  batchNorm,
  buildModel,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  type ImageTask,
  type Layer,
  linear,
  maxPool2d,
  relu,
  residual,
} from "../../src/nn/index.ts";
import { withoutNormalization } from "../../src/nn/model.ts";
import { LADDER } from "../../src/report/ladder/ladder.ts";

/** An entry of the ladder. */
const statedCost = (name: string) => {
  const { parameters, multiplyAdds } = LADDER.find((entry) => entry.name === name) ?? {};
  return { parameters, multiplyAdds };
};

const TASK: ImageTask = { channels: 1, height: 28, width: 28, classes: 10 };

interface Cost {
  readonly parameters: number;
  readonly multiplyAdds: number;
}

function costOf(layers: readonly Layer[]): Cost {
  const model = { name: "published", layers: () => layers };
  const graph = buildModel(model, {
    task: TASK,
    batchSize: 2,
    mode: "training",
    normalization: withoutNormalization(TASK),
  });
  const sum = (field: "parameters" | "multiplyAdds") => graph.layers.reduce((total, layer) => total + layer[field], 0);
  return { parameters: sum("parameters"), multiplyAdds: sum("multiplyAdds") };
}

/** Convolution with bias and ReLU; padding keeps the size unless told otherwise. */
const conv = (channels: number, kernelSize: number, padding = (kernelSize - 1) / 2) => [
  conv2d(channels, { kernelSize, padding }),
  relu(),
];
const convBn = (channels: number, kernelSize: number, padding: number) => [
  ...conv(channels, kernelSize, padding),
  batchNorm(),
];
const dense = (outputs: number) => [linear(outputs), relu()];
const head = [flatten(), linear(10)];

/**
 * ResNet of basic blocks: a 3x3 stem, then a stage for each width; the first block of each later stage halves the
 * image.
 */
function resNet(widths: readonly number[], blocks: number): Layer[] {
  const plain = (channels: number, stride = 1) => conv2d(channels, { kernelSize: 3, padding: 1, stride, bias: false });
  const stage = (channels: number, isFirst: boolean) =>
    Array.from({ length: blocks }, (_, i) => {
      const stride = i === 0 && !isFirst ? 2 : 1;
      const body = [plain(channels, stride), batchNorm(), relu(), plain(channels), batchNorm()];
      const shortcut = stride === 2 ? [conv2d(channels, { kernelSize: 1, stride, bias: false }), batchNorm()] : [];
      return [residual(body, shortcut), relu()];
    }).flat();
  const [stem] = widths;
  return [
    plain(stem!),
    batchNorm(),
    relu(),
    ...widths.flatMap((channels, i) => stage(channels, i === 0)),
    globalAveragePool(),
    ...head,
  ];
}

/** Sums a network that tailor's layers cannot express. Sizes are those of square outputs. */
class Tally {
  parameters = 0;
  multiplyAdds = 0;

  conv(inputs: number, outputs: number, kernel: number, size: number, { groups = 1, bias = false } = {}): this {
    const weights = (kernel * kernel * inputs * outputs) / groups;
    this.parameters += weights + (bias ? outputs : 0);
    this.multiplyAdds += weights * size * size;
    return this;
  }

  norm(channels: number): this {
    this.parameters += 2 * channels;
    return this;
  }

  linear(inputs: number, outputs: number, bias = true): this {
    return this.conv(inputs, outputs, 1, 1, { bias });
  }

  /** Counts multiply-adds of weights that are never trained. */
  untrained(build: (tally: Tally) => void): this {
    const tally = new Tally();
    build(tally);
    this.multiplyAdds += tally.multiplyAdds;
    return this;
  }
}

/** Pre-activation blocks of two 3x3 convolutions (Zagoruyko and Komodakis 2016), up to the last batch norm. */
function wideStages(tally: Tally, depth: number, widen: number, stem: number): number {
  let [channels, size] = [stem, 28];
  for (const [stage, width] of [16 * widen, 32 * widen, 64 * widen].entries()) {
    for (let block = 0; block < (depth - 4) / 6; block++) {
      if (block === 0 && stage > 0) size /= 2;
      tally.norm(channels).conv(channels, width, 3, size).norm(width).conv(width, width, 3, size);
      if (channels !== width) tally.conv(channels, width, 1, size);
      channels = width;
    }
  }
  tally.norm(channels);
  return channels;
}

function wideResNet(depth: number, widen: number): Tally {
  const tally = new Tally().conv(1, 16, 3, 28);
  return tally.linear(wideStages(tally, depth, widen, 16), 10);
}

/** DenseNet-BC: bottlenecks of 4 growth rates, transitions that halve the channels (Huang et al. 2017). */
function denseNet(growth: number, depth: number): Tally {
  let [channels, size] = [2 * growth, 28];
  const tally = new Tally().conv(1, channels, 3, size);
  for (let stage = 0; stage < 3; stage++) {
    if (stage > 0) {
      tally.norm(channels).conv(channels, channels / 2, 1, size);
      [channels, size] = [channels / 2, size / 2];
    }
    for (let layer = 0; layer < (depth - 4) / 6; layer++, channels += growth) {
      tally.norm(channels).conv(channels, 4 * growth, 1, size);
      tally.norm(4 * growth).conv(4 * growth, growth, 3, size);
    }
  }
  return tally.norm(channels).linear(channels, 10);
}

/**
 * Five blocks of width 96, each with two dense layers that stay random, then two convolutions and squeeze-and-excite.
 */
function dezhic(): Tally {
  const tally = new Tally().conv(1, 96, 3, 26);
  let size = 26;
  for (const [groups, odd] of [2, 4, 8, 16, 32].map((g) => [g, g === 32 ? 48 : g] as const)) {
    const before = size;
    tally.untrained((random) => random.conv(96, 96, 3, before, { groups }).conv(192, 48, 3, before, { groups: odd }));
    tally.norm(240).conv(240, 96, 3, size, { groups: odd });
    size = Math.ceil(size / 2);
    tally.norm(96).conv(96, 96, 3, size, { groups });
    tally.linear(96, 12, false).linear(12, 96, false);
  }
  return tally.norm(96).linear(96, 10, false);
}

/**
 * Three convolutions as stem on three equal channels; a learned pooling exponent; a dense layer before the last one.
 */
function liang(): Tally {
  const tally = new Tally().conv(3, 64, 3, 28).conv(64, 64, 3, 28).conv(64, 64, 3, 28);
  const channels = wideStages(tally, 40, 4, 64);
  tally.parameters += 1;
  // Its batch norm before the last layer has no trained bias.
  tally.linear(channels, channels).norm(channels).linear(channels, 10, false);
  tally.parameters -= channels;
  return tally;
}

describe("counts from published code", () => {
  const pool = maxPool2d(2);
  const simpleNet = [...conv(32, 3), pool, ...conv(64, 3), pool, flatten(), dropout(0.5), ...dense(128), linear(10)];

  test.each<[string, readonly Layer[]]>([
    ["ResNet18 (kefth)", resNet([64, 128, 256], 2)],
    ["ResNet-14 (QtSignal)", resNet([64, 128, 256], 2)],
    ["ResNet-14 slim (QtSignal)", resNet([32, 64, 128], 2)],
    ["ResNet-20 (Zhong)", resNet([16, 32, 64], 3)],
    ["ResNet-20 + erasing (Zhong)", resNet([16, 32, 64], 3)],
    ["SimpleNet (kefth)", simpleNet],
    ["2 conv ELU (Hinge)", [...conv(16, 5), pool, ...conv(32, 5), pool, ...head]],
    ["2 conv (TF tutorial)", [...conv(32, 5), pool, ...conv(64, 5), pool, flatten(), ...dense(1024), linear(10)]],
    [
      "2 conv 113K (abelusha)",
      [...conv(32, 3, 0), pool, ...conv(32, 3, 0), pool, flatten(), ...dense(128), linear(10)],
    ],
    ["2 conv <100K (hardmaru)", [...conv(32, 5), pool, ...conv(64, 5), pool, ...head]],
    [
      "2 conv flips (ashmeet13)",
      [...convBn(32, 5, 2), pool, ...convBn(64, 3, 2), pool, flatten(), ...dense(4096), linear(10)],
    ],
    [
      "4 conv BN (khanguyen1207)",
      [
        ...[...conv(32, 5), ...conv(32, 5), pool, ...conv(64, 3), ...conv(64, 3), pool],
        ...[flatten(), ...dense(512), batchNorm(), linear(10)],
      ],
    ],
    [
      "VGG16 (QuantumLiu)",
      [
        ...[64, 128].flatMap((channels) => [...conv(channels, 3), ...conv(channels, 3), pool]),
        ...[256, 512].flatMap((channels) => [...conv(channels, 3), ...conv(channels, 3), ...conv(channels, 3), pool]),
        ...[flatten(), ...dense(4096), ...dense(4096), linear(10)],
      ],
    ],
    [
      "3 conv, no aug. (timlovescoding)",
      [
        ...[...convBn(128, 3, 0), ...convBn(128, 3, 0), maxPool2d(4), ...convBn(256, 3, 0), pool, flatten()],
        ...[...dense(512), batchNorm(), ...dense(256), batchNorm(), linear(10)],
      ],
    ],
  ])("%s, in tailor's layers", (name, layers) => {
    expect(statedCost(name)).toEqual(costOf(layers));
  });

  const bias = { bias: true };
  test.each<[string, Cost]>([
    ["WRN-28-10 (Zhong)", wideResNet(28, 10)],
    ["WRN-28-10 + erasing (Zhong)", wideResNet(28, 10)],
    ["WRN-40-4 (ajbrock)", wideResNet(40, 4)],
    ["WRN-40-4 CutMix (Liang-yc)", liang()],
    ["DenseNet-BC (ajbrock)", denseNet(12, 100)],
    ["dense CNN 296K (Dezhic)", dezhic()],
    [
      "2 conv 494K (cmasch)",
      // A batch norm of the pixels first; kernels of 4x4, the first one padded to keep the size.
      new Tally()
        .norm(1)
        .conv(1, 64, 4, 28, bias)
        .conv(64, 64, 4, 11, bias)
        .linear(1600, 256)
        .linear(256, 64)
        .norm(64)
        .linear(64, 10),
    ],
    [
      "2 conv 1.9M (Xfan1025)",
      // Its first batch norm takes the 28 columns for channels.
      new Tally()
        .norm(28)
        .conv(1, 64, 5, 24, bias)
        .conv(64, 512, 5, 8, bias)
        .linear(8192, 128)
        .linear(128, 64)
        .linear(64, 10),
    ],
    [
      "3 conv (umbertogriffo)",
      // Its poolings round up: 28, 14, 7, 4.
      new Tally()
        .conv(1, 32, 5, 28, bias)
        .conv(32, 64, 5, 14, bias)
        .conv(64, 128, 1, 7, bias)
        .linear(2048, 1024)
        .linear(1024, 512)
        .linear(512, 10),
    ],
  ])("%s, by formula", (name, cost) => {
    expect(statedCost(name)).toEqual({ parameters: cost.parameters, multiplyAdds: cost.multiplyAdds });
  });

  test("every entry with multiply-adds is counted here, or its note gives another source", () => {
    const said = LADDER.filter(({ multiplyAdds }) => multiplyAdds !== null);
    expect(said).toHaveLength(14 + 9);
    for (const { name, note } of said) expect(`${name}: ${note}`).toMatch(/[Cc]ounted (from|for)/);
  });
});
