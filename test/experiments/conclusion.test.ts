import { describe, expect, test } from "vitest";
import { seedSpread } from "../../src/evaluation/significance.ts";
import { conclusionOf } from "../../src/experiments/study/conclusion.ts";
import { reportWithResNet18, studyReport } from "../report/fixture.ts";

const words = (...args: Parameters<typeof studyReport>) => conclusionOf(studyReport(...args)).join("\n");

/** The report with other accuracies of our two recipes, and a gain to match. */
function withAccuracies(
  base: number[],
  enhanced: number[],
  paired?: { onlyFirst: number; onlySecond: number; p: number },
) {
  const report = studyReport();
  const spreads: Record<string, readonly number[]> = { base, enhanced };
  const results = report.results.map((result) => {
    const values = spreads[result.name];
    return values ? { ...result, accuracy: seedSpread(values) } : result;
  });
  const gains = report.gains.map((gain) =>
    gain.enhanced === "enhanced"
      ? {
          ...gain,
          overSeeds: null,
          paired: paired ? { ...paired, difference: 0, interval: { low: -0.001, high: 0.002 } } : null,
        }
      : gain,
  );
  return words({ results, gains });
}

describe("the conclusion", () => {
  test("states the gain in points and in mistakes", () => {
    // 6 % of mistakes become 5.1 %: 15 % of them are gone.
    expect(withAccuracies([0.94], [0.949])).toContain(
      "The Enhanced Model reaches 94.90 % (n = 1) on the test images, 0.90 points above the Base Model's 94.00 % (n = 1): 15 % of the mistakes are gone.",
    );
  });

  test("says so when the Enhanced Model is the worse one", () => {
    const text = withAccuracies([0.95], [0.94]);
    expect(text).toContain("1.00 points below the Base Model's 95.00 %");
    expect(text).toContain("there are 20 % more mistakes");
    expect(text).toContain("here there is a loss of 1.00 points");
    expect(text).not.toMatch(/gain costs|are gone/);
  });

  test("judges a difference by McNemar's p", () => {
    expect(withAccuracies([0.93], [0.94], { onlyFirst: 100, onlySecond: 200, p: 1e-8 })).toMatch(
      /only the Enhanced Model is right on 200 images and only the Base Model on 100; .*would be rare if both were equally good \(McNemar's p < 0\.0001\)/,
    );
    expect(withAccuracies([0.93], [0.931], { onlyFirst: 100, onlySecond: 110, p: 0.53 })).toMatch(
      /the chance of the test images alone could explain it \(McNemar's p = 0\.53\)/,
    );
  });

  test("compares ours with the study's figures", () => {
    expect(withAccuracies([0.9345], [0.9445])).toContain(
      "The study published 91.65 % and 92.68 %, a gain of 1.03 points; here there is one of 1.00 points, and the two networks stand 1.80 points above (Base) and 1.77 points above (Enhanced) its figures. Trained as the study did, the same Base network reaches 91.71 % (n = 1): the recipe alone makes 1.74 points more.",
    );
  });

  test("weighs the gain against multiply-adds, seconds and parameters", () => {
    const report = studyReport();
    const results = report.results.map((result) =>
      result.name === "base"
        ? { ...result, multiplyAdds: 4e6, seconds: 100, parameters: 400_000 }
        : result.name === "enhanced"
          ? { ...result, multiplyAdds: 20e6, seconds: 450, parameters: 500_000 }
          : result,
    );
    expect(words({ results })).toContain(
      "The Enhanced Model takes 5.0 times the Base Model's multiply-adds for an image (20.0 M against 4.00 M) and 4.5 times its training time (7 min 30 s against 1 min 40 s); the parameters are 500,000 against 400,000.",
    );
  });

  test("compares with ResNet18, claimed and on today's images, and its cost", () => {
    const text = withAccuracies([0.9345], [0.9445]);
    expect(text).toContain("claims 94.9 %, on the data set's first release");
    expect(text).toContain("the Enhanced Model is 0.45 points below it");
    expect(text).toContain(
      "its author later gave 92.0 %, trained in another way, and the same network reached 94.1 % with another author; the Enhanced Model is 0.35 points above the better of these",
    );
    expect(text).toMatch(
      /ResNet18 takes 1\d times the Enhanced Model's multiply-adds \(322 M\) and 6\.4 times its parameters \(2\.78 M\)/,
    );
  });

  test("on other data mentions no published results", () => {
    const report = studyReport();
    const results = report.results.filter(({ origin }) => origin.kind === "trained");
    const gains = report.gains.filter(({ base }) => base === "base");
    const text = words({ isFashionMnist: false, results, gains });
    expect(text).toContain("The Enhanced Model reaches");
    expect(text).not.toMatch(/ResNet18|study published/);
  });

  test("names the remaining mistakes from the Enhanced Model's confusion matrix", () => {
    const report = studyReport();
    const enhanced = report.models.find(({ recipe }) => recipe === "enhanced")!;
    const { correct, total } = enhanced.test;
    expect(words()).toContain(`What is left: ${total - correct} mistakes of enhanced's first seed in`);
  });

  test("of perfect or equal classifiers has no odd ratios", () => {
    expect(withAccuracies([1], [0.99])).toContain("1.00 points below the Base Model's 100.00 % (n = 1).");
    expect(withAccuracies([0.95], [0.95])).toContain("as high as the Base Model's 95.00 % (n = 1).");
    expect(withAccuracies([1], [1])).not.toMatch(/NaN|Infinity/);
  });

  test("of a quick study compares nothing with published figures", () => {
    expect(words({ isQuick: true })).not.toMatch(/The study published|ResNet18/);
  });

  test("of a quick study first says that it is not meaningful", () => {
    expect(conclusionOf(studyReport({ isQuick: true }))[0]).toMatch(/^This was a quick study.*no result\.$/);
    expect(words()).not.toContain("quick study");
  });
});

describe("the conclusion about a ResNet18 trained here", () => {
  const about = (resnet: readonly number[], ours: readonly number[]) =>
    conclusionOf(reportWithResNet18(resnet, ours)).find((paragraph) => paragraph.startsWith("ResNet18, trained here"))!;

  test("says which is better, and what it costs", () => {
    expect(about([0.94, 0.9412, 0.9406], [0.952, 0.953, 0.9526])).toMatch(
      /reaches 94\.06 % ± 0\.06 \(n = 3\); champion with 95\.25 % .* is 1\.19 points above it \(95 % interval over seeds .*; first seed's runs, image by image: McNemar's p .*\), so ours is better\. It takes 9 % of its multiply-adds \(29\.9 M against 322 M\), 9 % of its parameters .* and 10 % of its training time \(50 min 00 s against 8 h 20 min\)\./,
    );
    expect(about([0.952, 0.953, 0.9526], [0.94, 0.9412, 0.9406])).toMatch(
      /1\.19 points below it .*, so ResNet18 is better\./,
    );
  });

  test("leaves it open where chance could explain the difference", () => {
    expect(about([0.94, 0.95], [0.944, 0.952])).toContain("which chance could explain.");
  });

  test("stands in place of the published figures", () => {
    expect(conclusionOf(reportWithResNet18([0.94], [0.95])).join()).not.toContain("of the published benchmarks claims");
  });
});
