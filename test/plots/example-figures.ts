import type { Confusion } from "../../src/plots/confusion.ts";
import type { ContactSheet } from "../../src/plots/contact-sheet.ts";
import type { Cost, CostPoint } from "../../src/plots/cost.ts";
import type { RankedClass } from "../../src/plots/ranking-curves.ts";
import type { Reliability } from "../../src/plots/reliability.ts";
import type { TrainingCurves } from "../../src/plots/training-curves.ts";

export const FASHION = [
  ...["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"],
  ...["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
];

/** Curves of several seeds like those of the Base network; a seed's last digits differ. */
export function curves(seeds: number, epochs: number, validated = true): TrainingCurves {
  const runs = Array.from({ length: seeds }, (_, i) => ({
    seed: i + 1,
    epochs: Array.from({ length: epochs }, (_, e) => {
      const learnt = epochs === 1 ? 0 : (e / (epochs - 1)) ** 0.4;
      const chance = 0.001 * Math.sin(7 * i + 3 * e);
      return {
        epoch: e + 1,
        trainAccuracy: 0.79 + 0.16 * learnt + chance,
        trainLoss: 0.66 - 0.43 * learnt - chance,
        validationAccuracy: validated ? 0.876 + 0.062 * learnt - chance : null,
        validationLoss: validated ? 0.41 - 0.15 * learnt + chance : null,
      };
    }),
  }));
  return { model: "Base", runs };
}

/** Mostly right answers, and some mistakes that depend on the row and the column. */
export function confusion(classNames: readonly string[], images = 1000): Confusion {
  const table = classNames.map((_, label) => {
    const row = classNames.map((_, other) => (other === label ? 0 : Math.max(0, ((label * 7 + other * 13) % 29) - 20)));
    row[label] = images - row.reduce((sum, count) => sum + count, 0);
    return row;
  });
  return { title: "Base: what the test images were taken for", classNames, confusion: table };
}

const LADDER: readonly (readonly [string, number, number, CostPoint["kind"]])[] = [
  ["Base (study)", 421_642, 0.9165, "study"],
  ["Enhanced (study)", 437_162, 0.9336, "study"],
  ["Base", 421_642, 0.9347, "ours"],
  ["Enhanced", 437_162, 0.944, "ours"],
  ["ResNet18, claimed", 2.8e6, 0.949, "published"],
  ["ResNet18", 2.8e6, 0.92, "published, de-duplicated data"],
  ["ResNet-20", 272e3, 0.9555, "published"],
  ["WRN-28-10", 36.5e6, 0.958, "published"],
  ["DenseNet-BC", 768e3, 0.9536, "published"],
  ["CapsNet", 8e6, 0.936, "published"],
  ["VGG16", 26e6, 0.935, "published"],
  ["Dezhic", 295_968, 0.947, "published"],
  ["hardmaru", 1e5, 0.925, "published"],
  ["cmasch", 494e3, 0.9343, "published"],
  ["WRN-40-4", 9e6, 0.9659, "published"],
  ["DARTS", 3e6, 0.9691, "published"],
];

export const ladder: Cost = {
  title: "Accuracy against size",
  xLabel: "parameters",
  points: LADDER.map(([name, x, accuracy, kind]) => ({
    ...{ name, x, accuracy, kind },
    ...(kind === "ours" ? { low: accuracy - 0.002, high: accuracy + 0.001 } : {}),
  })),
};

export const reliability: Reliability = {
  title: "Base: how sure, how right",
  bins: [
    { confidence: 0.37, accuracy: 0.25, count: 20 },
    { confidence: 0.5, accuracy: 0.55, count: 180 },
    { confidence: 0.9, accuracy: 0.86, count: 800 },
    { confidence: 0.99, accuracy: 0.985, count: 9000 },
  ],
  calibrationError: 0.0231,
};

/** Curves of 40 steps that rise, each class a little less than the one before. */
export function ranking(classNames: readonly string[]): RankedClass[] {
  return classNames.map((label, i) => ({
    label,
    area: 1 / (1 + 0.1 + i / 200),
    points: Array.from({ length: 41 }, (_, step) => ({ x: step / 40, y: (step / 40) ** (0.1 + i / 200) })),
  }));
}

/** Images of one grey each, and captions like those of mistakes. */
export function sheet(images: number, columns: number): ContactSheet {
  return {
    title: "The surest mistakes",
    columns,
    images: Array.from({ length: images }, (_, i) => ({
      pixels: new Uint8Array(28 * 28).fill(40 + 10 * i),
      width: 28,
      height: 28,
      caption: ["Shirt", "predicted as T-shirt/top", "99.1 %"],
      border: i % 2 === 0 ? "bad" : "good",
    })),
  };
}
