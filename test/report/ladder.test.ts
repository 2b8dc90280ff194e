import { readFileSync } from "node:fs";
import { join } from "node:path";
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
import { LADDER } from "../../src/report/ladder.ts";
import type { LadderEntry } from "../../src/report/ladder-entry.ts";
import { NOT_CREDIBLE } from "../../src/report/not-credible.ts";

const DOC = readFileSync(join(import.meta.dirname, "../../docs/ladder.md"), "utf8").split("\n");

const entryNamed = (name: string): LadderEntry => {
  const entry = LADDER.find((candidate) => candidate.name === name);
  if (!entry) throw new Error(`the ladder has no "${name}"`);
  return entry;
};
const figures = (name: string) => {
  const { claimed, clean, data, kind } = entryNamed(name);
  return { claimed, clean, data, kind };
};

describe("the ladder", () => {
  test("names each entry once, shortly enough for a plot", () => {
    const names = [...LADDER, ...NOT_CREDIBLE].map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(LADDER.filter(({ name }) => name.length > 32)).toEqual([]);
    expect(LADDER.length).toBe(45);
  });

  test.each(LADDER)("$name: its figures fit each other", (entry) => {
    const { claimed, clean, data, source, note } = entry;
    const known = [claimed, clean].filter((value) => value !== null);
    expect(known.length).toBeGreaterThan(0);
    for (const value of known) {
      expect(value).toBeGreaterThanOrEqual(0.8);
      expect(value).toBeLessThanOrEqual(0.97);
    }
    // A claim made on the de-duplicated data is the clean figure itself; one made before can't be.
    if (data === "de-duplicated") expect(clean).toBe(claimed);
    if (data === "before de-duplication") expect(clean).not.toBe(claimed);
    // More between the two would be a slip of digits.
    if (claimed !== null && clean !== null) expect(Math.abs(claimed - clean)).toBeLessThan(0.03);
    for (const cost of [entry.parameters, entry.multiplyAdds, entry.epochs]) {
      if (cost !== null) expect(Number.isInteger(cost) && cost > 0).toBe(true);
    }
    expect(new URL(source).protocol).toBe("https:");
    if (note !== undefined) expect(note).toMatch(/^[A-Z0-9].*\.$/);
  });

  test("holds the study's figures, without a size: its layers are not published", () => {
    expect(LADDER.filter(({ kind }) => kind === "study")).toMatchObject([
      { name: "Base (study)", claimed: 0.9165, clean: 0.9165, epochs: 70, parameters: null, multiplyAdds: null },
      { name: "Enhanced (study)", claimed: 0.9268, clean: 0.9268, epochs: 70, parameters: null, multiplyAdds: null },
    ]);
  });

  test("gives what was published twice both times", () => {
    const before = { data: "before de-duplication", kind: "published" };
    expect(figures("ResNet18 (kefth)")).toEqual({ ...before, claimed: 0.949, clean: 0.92 });
    expect(figures("ResNet-20 (Zhong)")).toEqual({ ...before, claimed: 0.9561, clean: 0.9518 });
    expect(figures("ResNet-20 + erasing (Zhong)")).toEqual({ ...before, claimed: 0.9598, clean: 0.9555 });
    expect(figures("WRN-28-10 + erasing (Zhong)")).toEqual({ ...before, claimed: 0.9635, clean: 0.958 });
    expect(figures("SimpleNet (kefth)")).toMatchObject({ claimed: 0.919, clean: 0.923 });
    expect(figures("2 conv 494K (cmasch)")).toMatchObject({ claimed: 0.9343, clean: 0.9327 });
  });

  test("has ten course-type baselines, and no claim that is not credible", () => {
    expect(LADDER.filter(({ kind }) => kind === "course-type baseline")).toHaveLength(10);
    const claims = LADDER.map(({ claimed, source }) => `${claimed} ${source}`);
    for (const { claimed, source, why } of NOT_CREDIBLE) {
      expect(claims).not.toContain(`${claimed} ${source}`);
      expect(new URL(source).protocol).toBe("https:");
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("takes the authors' own figures where Zalando's table slipped", () => {
    expect(figures("WRN-40-4 (ajbrock)").claimed).toBe(0.9607);
    expect(figures("2 conv flips (ashmeet13)").claimed).toBe(0.9329);
    expect(NOT_CREDIBLE.map(({ claimed }) => claimed)).toEqual(expect.arrayContaining([0.967, 0.939]));
  });
});

describe("docs/ladder.md", () => {
  const percent = (value: number | null) => (value === null ? "" : `${(100 * value).toFixed(2)} %`);
  const whole = (value: number | null) => (value === null ? "" : value.toLocaleString("en-US"));
  const millions = (value: number | null) => (value === null ? "" : `${(value / 1e6).toFixed(1)} M`);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const ladderRow = (entry: LadderEntry) =>
    row([
      `[${entry.name}](${entry.source})`,
      entry.kind,
      percent(entry.claimed),
      percent(entry.clean),
      entry.data,
      whole(entry.parameters),
      millions(entry.multiplyAdds),
      whole(entry.epochs),
      entry.note ?? "",
    ]);

  test("has the ladder's rows, all and only those, in its order", () => {
    expect(DOC.filter((line) => /\| (study|course-type baseline|published) \|/.test(line))).toEqual(
      LADDER.map(ladderRow),
    );
  });

  test("has the rows of what is not credible, and why", () => {
    for (const { name, claimed, why, source } of NOT_CREDIBLE) {
      expect(DOC).toContain(row([`[${name}](${source})`, percent(claimed), why]));
    }
  });
});

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

/** ResNet of basic blocks: a 3x3 stem, then a stage for each width; the first block of each later stage halves the image. */
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

/** Adds up a network that tailor's layers can't tell. Sizes are those of square outputs. */
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

/** Five blocks of width 96, each with two dense layers that stay random, then two convolutions and squeeze-and-excite. */
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

/** Three convolutions as stem on three equal channels; a learned pooling exponent; a dense layer before the last one. */
function liang(): Tally {
  const tally = new Tally().conv(3, 64, 3, 28).conv(64, 64, 3, 28).conv(64, 64, 3, 28);
  const channels = wideStages(tally, 40, 4, 64);
  tally.parameters += 1;
  // Its batch norm before the last layer has no trained bias.
  tally.linear(channels, channels).norm(channels).linear(channels, 10, false);
  tally.parameters -= channels;
  return tally;
}

describe("what was counted from published code", () => {
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
    const { parameters, multiplyAdds } = entryNamed(name);
    expect({ parameters, multiplyAdds }).toEqual(costOf(layers));
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
    const { parameters, multiplyAdds } = entryNamed(name);
    expect({ parameters, multiplyAdds }).toEqual({ parameters: cost.parameters, multiplyAdds: cost.multiplyAdds });
  });

  test("every entry with multiply-adds is counted here or says otherwise", () => {
    const said = LADDER.filter(({ multiplyAdds }) => multiplyAdds !== null);
    expect(said).toHaveLength(14 + 9);
    for (const { name, note } of said) expect(`${name}: ${note}`).toMatch(/[Cc]ounted (from|for)/);
  });
});
