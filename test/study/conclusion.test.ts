import { describe, expect, test } from "vitest";
import { spreadOf } from "../../src/evaluation/significance.ts";
import { conclusionOf } from "../../src/study/conclusion.ts";
import { studyReport } from "../report/fixture.ts";

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
    return values ? { ...result, accuracy: spreadOf(values) } : result;
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
  test("tells the gain in points and in mistakes", () => {
    // 6 % of mistakes become 5.1 %: 15 % of them are gone.
    expect(withAccuracies([0.94], [0.949])).toContain(
      "The Enhanced Model reaches 94.90 % (n = 1) on the test images, 0.90 points above the Base Model's 94.00 % (n = 1): 15 % of the mistakes are gone.",
    );
  });

  test("says so when the Enhanced Model is the worse one", () => {
    const text = withAccuracies([0.95], [0.94]);
    expect(text).toContain("1.00 points below the Base Model's 95.00 %");
    expect(text).toContain("there are 20 % more mistakes");
    expect(text).toContain("where there is a loss of 1.00 points here");
  });

  test("calls a difference certain or not by McNemar's p", () => {
    expect(withAccuracies([0.93], [0.94], { onlyFirst: 100, onlySecond: 200, p: 1e-8 })).toMatch(
      /only the Enhanced Model is right on 200 images and only the Base Model on 100, .*no chance of the test set \(McNemar's p < 0\.0001\)/,
    );
    expect(withAccuracies([0.93], [0.931], { onlyFirst: 100, onlySecond: 110, p: 0.53 })).toMatch(
      /which the chance of the test set alone could explain \(McNemar's p = 0\.53\)/,
    );
  });

  test("sets ours beside the study's figures", () => {
    expect(withAccuracies([0.9345], [0.9445])).toContain(
      "The study published 91.65 % and 92.68 %, a gain of 1.03 points where there is one of 1.00 points here. The same two kinds of network stand here 1.80 points above (Base) and 1.77 points above (Enhanced) its figures",
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
      "The gain costs 5.0 times the multiply-adds of an image (20.0 M against 4.00 M) and 4.5 times the training time (7 min 30 s against 1 min 40 s); the parameters are 500,000 against 400,000.",
    );
  });

  test("says where ResNet18 stands, claimed and on today's images, and what it takes", () => {
    const text = withAccuracies([0.9345], [0.9445]);
    expect(text).toContain("claims 94.9 %, on the data set's first release");
    expect(text).toContain("the Enhanced Model is 0.45 points below it");
    expect(text).toContain("gave 92.0 %, trained in another way; the Enhanced Model is 2.45 points above that");
    expect(text).toMatch(
      /It takes 1\d times the Enhanced Model's multiply-adds \(322 M\) and 6\.4 times its parameters \(2\.78 M\)/,
    );
  });

  test("names what is left from the Enhanced Model's own confusion", () => {
    const report = studyReport();
    const enhanced = report.models.find(({ recipe }) => recipe === "enhanced")!;
    const { correct, total } = enhanced.test;
    expect(words()).toContain(`What is left: ${total - correct} mistakes of enhanced in`);
  });

  test("of a quick study says first that it is no result", () => {
    expect(conclusionOf(studyReport({ isQuick: true }))[0]).toMatch(/^This was a quick study.*no result\.$/);
    expect(words()).not.toContain("quick study");
  });
});
