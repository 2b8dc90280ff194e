import { FASHION_MNIST } from "../../src/data/fashion-mnist.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";
import { type ClassificationMetrics, gatherMetrics } from "../../src/evaluation/metrics.ts";
import { comparePaired, type Spread, seedSpread, welchInterval } from "../../src/evaluation/significance.ts";
import { randomStream } from "../../src/random.ts";
import type { ModelDetail, ModelResult, StudyReport } from "../../src/report/report-data.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";

/** A study's report as it could be: its answers are drawn by a seeded generator, its images by hand. */

const SIDE = 28;
/** The class that each class is easily confused with. */
const LOOKALIKES = [[6, 3], [3], [4, 6], [0, 4], [2, 6], [7, 9], [0, 2, 4], [9, 5], [0], [7]];

/** `report` with the parts that a test is about. */
export function studyReport(parts: Partial<StudyReport> = {}): StudyReport {
  const test = testImages(1000);
  const base = modelDetail("base", test, 0.935);
  const enhanced = modelDetail("enhanced", test, 0.945);
  const [baseSpread, enhancedSpread] = [seedSpread([0.9345, 0.9341, 0.9354]), seedSpread([0.9448, 0.9437])];
  return {
    isQuick: false,
    isFashionMnist: true,
    setting: {
      date: "2026-11-23T18:00:00.000Z",
      commit: "0123456789abcdef0123456789abcdef01234567",
      cpu: "AMD EPYC",
      cores: 2,
      threads: 2,
      versions: { tailor: "0.1.0", node: "20.20.2", onnxruntime: "1.30.0" },
      dataSource: "Debian's dataset-fashion-mnist, /usr/share/datasets/fashion-mnist",
      trainImages: 55_000,
      validationImages: 5000,
      testImages: 10_000,
      epochs: 12,
      command: "node bin/tailor.js study --seeds 2",
    },
    results: [
      published("Base (study)", "base", 0.9165),
      published("Enhanced (study)", "enhanced", 0.9268),
      committed("base-study", "base", seedSpread([0.9171])),
      committed("enhanced-study", "enhanced", seedSpread([0.9265])),
      trained("base", "base", baseSpread, { parameters: 421_642, multiplyAdds: 4_241_152, seconds: 169 }),
      trained("enhanced", "enhanced", enhancedSpread, { parameters: 437_162, multiplyAdds: 18_400_000, seconds: 1325 }),
    ],
    gains: [
      {
        base: "Base (study)",
        enhanced: "Enhanced (study)",
        difference: 0.0103,
        overSeeds: null,
        paired: null,
      },
      { base: "base-study", enhanced: "enhanced-study", difference: 0.0094, overSeeds: null, paired: null },
      {
        base: "base",
        enhanced: "enhanced",
        difference: enhancedSpread.mean - baseSpread.mean,
        overSeeds: welchInterval(baseSpread, enhancedSpread),
        paired: comparePaired(base.test.predictions, enhanced.test.predictions),
      },
    ],
    overResNet18: [],
    models: [base, enhanced],
    test,
    conclusion: [
      "In 12 epochs Base passes what Enhanced (study) reached in about 70.",
      "Enhanced adds about a point to it, for four times the multiply-adds.",
    ],
    ...parts,
  };
}

function published(name: string, role: ModelResult["role"], accuracy: number): ModelResult {
  return {
    name,
    role,
    origin: { kind: "published", source: "https://github.com/siuLongBao/fashion-mnist" },
    accuracy: seedSpread([accuracy]),
    epochs: 70,
    parameters: null,
    multiplyAdds: null,
    seconds: null,
  };
}

function committed(name: string, role: ModelResult["role"], accuracy: Spread): ModelResult {
  return {
    name,
    role,
    origin: {
      kind: "committed",
      files: [`docs/results/${name}-s1.json`],
      commit: "4e6625706ce3f8dae562e727c4788534660d42a5",
      cpu: "AMD EPYC, 2 cores",
    },
    accuracy,
    epochs: 15,
    parameters: role === "base" ? 421_642 : 437_162,
    multiplyAdds: role === "base" ? 4_241_152 : 18_400_000,
    seconds: 211,
  };
}

function trained(
  name: string,
  role: ModelResult["role"],
  accuracy: Spread,
  cost: Pick<ModelResult, "parameters" | "multiplyAdds" | "seconds">,
): ModelResult {
  const runs = Array.from({ length: accuracy.n }, (_, i) => `runs/study/${name}-s${i + 1}`);
  return { name, role, origin: { kind: "trained", runs }, accuracy, epochs: 12, ...cost };
}

/** Two runs of 12 epochs, and answers of which about `accuracy` are right. */
export function modelDetail(recipe: string, test: ImageSet, accuracy: number): ModelDetail {
  return {
    recipe,
    description: `the ${recipe} network at its best in 12 epochs: one-cycle, label smoothing, alternating flips`,
    runs: [1, 2].map((seed) => ({ seed, path: `runs/study/${recipe}-s${seed}`, epochs: epochLines(seed, accuracy) })),
    test: answersTo(test, accuracy, 1),
    testAveraged: answersTo(test, accuracy + 0.003, 2),
  };
}

/** Answers with about as many right as `accuracy` says; the wrong ones are lookalikes, now and then with confidence. */
function answersTo({ labels, classNames }: ImageSet, accuracy: number, seed: number): ClassificationMetrics {
  const gatherer = gatherMetrics(classNames);
  const random = randomStream(seed, "init", Math.round(accuracy * 1000));
  for (const label of labels) {
    const alike = LOOKALIKES[label]!;
    const isRight = random.uniform() < 1 - (1 - accuracy) * (alike.length - 0.8);
    const other = alike[random.below(alike.length)]!;
    const logits = classNames.map(() => random.uniform() * 1.5);
    const sureness = 1.7 + 7 * random.uniform();
    logits[isRight ? label : other]! += isRight ? sureness + 1 : sureness * 0.8;
    gatherer.add(logits, [label], 1);
  }
  return gatherer.metrics();
}

function epochLines(seed: number, accuracy: number): MetricsLine[] {
  const random = randomStream(seed, "shuffle", Math.round(accuracy * 1000));
  return Array.from({ length: 12 }, (_, i) => {
    const done = (i + 1) / 12;
    const wobble = () => (random.uniform() - 0.5) * 0.004;
    return {
      epoch: i + 1,
      step: Math.floor(((i + 1) * 55_000) / 128),
      learningRate: 4e-3 * (1 - done) + 4e-5,
      trainLoss: 0.45 + 0.5 * Math.exp(-4 * done) + wobble(),
      trainAccuracy: accuracy + 0.01 - 0.18 * Math.exp(-4 * done) + wobble(),
      validationLoss: 0.42 + 0.4 * Math.exp(-5 * done) + wobble() * 2,
      validationAccuracy: accuracy + 0.003 - 0.12 * Math.exp(-5 * done) + wobble() * 2,
      imagesPerSecond: 4200,
      seconds: 14 * (i + 1),
    };
  });
}

/** Images of 28x28 with a shape for each class, a little different each time. */
export function testImages(count: number, classNames: readonly string[] = FASHION_MNIST.classNames): ImageSet {
  const random = randomStream(7, "augment");
  const images = new Uint8Array(count * SIDE * SIDE);
  const labels = Uint8Array.from({ length: count }, () => random.below(classNames.length));
  for (const [index, label] of labels.entries()) {
    const [size, grey] = [6 + random.below(6), 120 + random.below(120)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const [dx, dy] = [Math.abs(x - 13.5), Math.abs(y - 13.5)];
        const isInside = [
          dx + dy < size,
          dx < 3 && dy < size,
          dx ** 2 + dy ** 2 < size ** 2,
          dy < 3 && dx < size,
          Math.max(dx, dy) < size,
        ];
        const isStriped = label >= 5 && (x + y) % 4 < 2;
        if (isInside[label % 5] && !isStriped) images[(index * SIDE + y) * SIDE + x] = grey - dy * 4;
      }
    }
  }
  return { images: memoryRows(images, SIDE * SIDE), labels, count, channels: 1, height: SIDE, width: SIDE, classNames };
}

/** The report with a trained ResNet18, as it could be, and the network compared with it. */
export function reportWithResNet18(resnet: readonly number[], ours: readonly number[]): StudyReport {
  const report = studyReport();
  const [theirs, own] = [seedSpread(resnet), seedSpread(ours)];
  const kefth = modelDetail("resnet18-kefth", report.test, 0.94);
  const champion = modelDetail("champion", report.test, 0.95);
  return {
    ...report,
    results: [
      ...report.results,
      trained("champion", "champion", own, { parameters: 257_754, multiplyAdds: 29_900_000, seconds: 3000 }),
      trained("resnet18-kefth", "resnet18", theirs, { parameters: 2_776_522, multiplyAdds: 322e6, seconds: 30_000 }),
    ],
    overResNet18: [
      {
        base: "resnet18-kefth",
        enhanced: "champion",
        difference: own.mean - theirs.mean,
        overSeeds: welchInterval(theirs, own),
        paired: comparePaired(kefth.test.predictions, champion.test.predictions),
      },
    ],
    models: [...report.models, champion, kefth],
  };
}
