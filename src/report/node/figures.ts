import { costFigure } from "../../plots/cost.ts";
import { type DifferenceRow, differenceFigure } from "../../plots/difference.ts";
import { COSTS, ownPoint, publishedPoint, UNMARKED } from "../cost-points.ts";
import type { LadderEntry } from "../ladder/entry.ts";
import { LADDER } from "../ladder/ladder.ts";
import type { Gain, ModelDetail, StudyReport } from "../report-data.ts";
import { isPublished } from "../result-tables.ts";
import { confusion, curveFigures, type EvaluatedModel, overviewFigure, reliability } from "./model-figures.ts";
import { dataSample, drawn, mistakesSheet, type StudyFigure } from "./sheets.ts";

/** Figures of accuracy against cost: published results with known cost, and ours. */
export function costFigures(
  { results, isFashionMnist }: StudyReport,
  ladder: readonly LadderEntry[] = isFashionMnist ? LADDER : [],
): StudyFigure[] {
  return COSTS.map(({ key, words, xLabel }) => {
    const title = `Test accuracy and ${words}`;
    const points = [
      ...ladder.flatMap((entry) => publishedPoint(entry, key)),
      ...results.filter((result) => !isPublished(result)).flatMap((result) => ownPoint(result, key)),
    ];
    return drawn(
      costFigure,
      { title, xLabel, points },
      {
        name: `accuracy-${words}`,
        title,
        caption: `Test accuracy against ${xLabel}, on a logarithmic scale: up and to the left is better. Whiskers on ours: one standard deviation over seeds.${ladder.length > 0 ? ` ${UNMARKED}` : ""}`,
        section: "cost",
      },
    );
  });
}

/** Number of images of each class in the sample of the data. */
const SAMPLE = 8;

/** Every figure of the report, in reading order. Deterministic. */
export function studyFigures(report: StudyReport): StudyFigure[] {
  const { models, test } = report;
  const tested = models.map(testedModel);
  return [
    ...(report.gains.length > 0 ? [gainsFigure(report.gains)] : []),
    ...(models.length > 0 ? [overviewFigure(models)] : []),
    ...models.flatMap((model) => curveFigures(model, `${model.recipe}-`)),
    ...tested.map(confusion),
    ...tested.map(reliability),
    ...tested.flatMap((model) => mistakesSheet(model, test)),
    dataSample(test, { of: "test", eachClass: SAMPLE, columns: SAMPLE }),
    ...costFigures(report),
  ];
}

function testedModel({ recipe, test }: ModelDetail): EvaluatedModel {
  return { recipe, prefix: `${recipe}-`, split: "test", metrics: test };
}

function gainsFigure(gains: readonly Gain[]): StudyFigure {
  const title = "What Enhanced adds to Base";
  const rows = gains.flatMap((gain) => gainRows(gain));
  return drawn(
    differenceFigure,
    { title, xLabel: "points of test accuracy", rows },
    {
      name: "gains",
      title,
      caption:
        "Test accuracy of Enhanced minus that of Base, with 95 % intervals where they are known. An interval that leaves out 0 speaks for a difference that is no accident.",
      section: "gains",
    },
  );
}

function gainRows({ base, enhanced, difference, overSeeds, paired }: Gain): DifferenceRow[] {
  const name = `${base} → ${enhanced}`;
  const means = { name, difference, low: overSeeds?.low, high: overSeeds?.high };
  return [
    { ...means, note: overSeeds ? "means, interval over seeds" : "no interval over seeds" },
    ...(paired
      ? [{ name, difference: paired.difference, ...paired.interval, note: "first seed, over test images" }]
      : []),
  ];
}
