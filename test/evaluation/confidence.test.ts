import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fitConfidence, fitTemperature, type LabelledLogits } from "../../src/evaluation/confidence.ts";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { uniform } from "../golden/inputs.ts";

interface GoldenCase {
  readonly name: string;
  readonly tag: number;
  readonly rows: number;
  readonly classes: number;
  readonly scale: number;
  readonly lift: number;
  readonly temperature: number;
  /** Expected calibration error without it and with it. */
  readonly calibrationErrors: readonly [number, number];
}
const { cases } = JSON.parse(readFileSync(new URL("../golden/temperature.json", import.meta.url), "utf8")) as {
  cases: GoldenCase[];
};

function imagesOf({
  tag,
  rows,
  classes,
  scale,
  lift,
}: Omit<GoldenCase, "name" | "temperature" | "calibrationErrors">): LabelledLogits {
  const labels = Uint8Array.from({ length: rows }, (_, row) => row % classes);
  const logits = Float32Array.from({ length: rows * classes }, (_, i) => {
    const isLabel = labels[Math.floor(i / classes)] === i % classes;
    return scale * uniform(tag, i) + (isLabel ? lift : 0);
  });
  return { logits, labels };
}

/** Expected calibration error of the probabilities softmax(logits / temperature). */
function errorAt({ logits, labels }: LabelledLogits, temperature: number): number {
  const classes = logits.length / labels.length;
  const gatherer = gatherMetrics(
    Array.from({ length: classes }, (_, label) => String(label)),
    temperature,
  );
  gatherer.add(logits, labels, labels.length);
  return gatherer.metrics().calibration.error;
}

describe("a temperature", () => {
  test.each(cases)("is the one that SciPy finds: $name", ({ temperature, ...spec }) => {
    expect(fitTemperature(imagesOf(spec))! / temperature).toBeCloseTo(1, 6);
  });

  test.each(cases)("changes the expected calibration error as NumPy says: $name", (golden) => {
    const { temperature, calibrationErrors, ...spec } = golden;
    const errors = [1, temperature].map((each) => errorAt(imagesOf(spec), each));
    expect(errors).toBeClose(calibrationErrors, { tolerance: 1e-6 });
  });

  test("makes probabilities agree with accuracies", () => {
    // Labels are drawn with the probabilities softmax(scores); the logits are three times the scores.
    const [rows, classes] = [4000, 5];
    const scores = Float64Array.from({ length: rows * classes }, (_, i) => 2.5 * uniform(9010, i));
    const labels = Uint8Array.from({ length: rows }, (_, row) => {
      const shares = [...scores.subarray(row * classes, (row + 1) * classes)].map(Math.exp);
      let left = ((uniform(9009, row) + 1) / 2) * shares.reduce((sum, share) => sum + share, 0);
      const drawn = shares.findIndex((share) => {
        left -= share;
        return left < 0;
      });
      return drawn < 0 ? classes - 1 : drawn;
    });
    const images = { logits: Float32Array.from(scores, (score) => 3 * score), labels };
    const temperature = fitTemperature(images)!;
    expect(temperature).toBeGreaterThan(2.7);
    expect(temperature).toBeLessThan(3.3);
    expect(errorAt(images, 1)).toBeGreaterThan(0.15);
    expect(errorAt(images, temperature)).toBeLessThan(0.03);
  });

  test("is not fitted where all are right, or as many wrong as by chance", () => {
    expect(fitTemperature(imagesOf({ tag: 9011, rows: 60, classes: 3, scale: 1, lift: 10 }))).toBeUndefined();
    expect(fitTemperature(imagesOf({ tag: 9012, rows: 60, classes: 3, scale: 1, lift: -5 }))).toBeUndefined();
  });
});

describe("the fit of probabilities", () => {
  const spec = { tag: 9013, classes: 4, scale: 3, lift: 2 };

  test("rejects at most 5 % of the images", () => {
    const images = imagesOf({ ...spec, rows: 200 });
    const { temperature, unknownBelow } = fitConfidence(images)!;
    const gatherer = gatherMetrics(["a", "b", "c", "d"], temperature);
    gatherer.add(images.logits, images.labels, 200);
    const { confidence } = gatherer.metrics().predictions;
    // The eleventh lowest of 200 is the threshold itself, and is accepted.
    expect(confidence.filter((probability) => probability < unknownBelow - 1e-12)).toHaveLength(10);
  });

  test("needs 50 images", () => {
    expect(fitConfidence(imagesOf({ ...spec, rows: 49 }))).toBeUndefined();
    expect(fitConfidence(imagesOf({ ...spec, rows: 50 }))).toBeDefined();
  });
});
