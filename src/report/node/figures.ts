import { confusionFigure } from "../../plots/confusion.ts";
import { costFigure } from "../../plots/cost.ts";
import { accuracyCurves, curvesOverview, lossCurves } from "../../plots/curves.ts";
import { type DifferenceRow, differenceFigure } from "../../plots/difference.ts";
import { reliabilityFigure } from "../../plots/reliability.ts";
import type { TrainingCurves } from "../../plots/training-curves.ts";
import { percent } from "../../text.ts";
import { COSTS, ownPoint, publishedPoint, UNMARKED } from "../cost-points.ts";
import type { LadderEntry } from "../ladder/entry.ts";
import { LADDER } from "../ladder/ladder.ts";
import type { Gain, ModelDetail, StudyReport } from "../report-data.ts";
import { isPublished } from "../result-tables.ts";
import { listText } from "../wording.ts";
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

/** Every figure of the report, in reading order. Deterministic. */
export function studyFigures(report: StudyReport): StudyFigure[] {
  const { models, test } = report;
  return [
    ...(report.gains.length > 0 ? [gainsFigure(report.gains)] : []),
    ...(models.length > 0 ? [overviewFigure(models)] : []),
    ...models.flatMap(curveFigures),
    ...models.map(confusion),
    ...models.map(reliability),
    ...models.flatMap((model) => mistakesSheet(model, test)),
    dataSample(test),
    ...costFigures(report),
  ];
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

const CURVES_CAPTION =
  "Training values are measured during the epoch, while the weights still change and under augmentation (and dropout, where the network has it), so training accuracy can lie below that of validation; validation values are measured at the epoch's end, on images as they are.";

function curvesOf({ recipe, runs }: ModelDetail): TrainingCurves {
  return { model: recipe, runs };
}

function overviewFigure(models: readonly ModelDetail[]): StudyFigure {
  const title = `Training of ${listText(models.map(({ recipe }) => recipe))}`;
  return drawn(
    curvesOverview,
    { title, models: models.map(curvesOf) },
    {
      name: "curves",
      title,
      caption: `Accuracy above, loss below, a column for each model, on common scales. ${CURVES_CAPTION}`,
      section: "overview",
    },
  );
}

function curveFigures(model: ModelDetail): StudyFigure[] {
  const curves = {
    ...curvesOf(model),
    note: "Training: during the epoch, under augmentation. Validation: at its end.",
  };
  const seeds = listText(model.runs.map(({ seed }) => String(seed)));
  const trained = model.runs.length === 1 ? `seed ${seeds}` : `seeds ${seeds}`;
  return [
    drawn(accuracyCurves, curves, {
      name: `${model.recipe}-accuracy`,
      title: `${model.recipe}: accuracy by epoch`,
      caption: `Accuracy of ${model.recipe} by epoch, ${trained}.`,
      section: "curves",
    }),
    drawn(lossCurves, curves, {
      name: `${model.recipe}-loss`,
      title: `${model.recipe}: loss by epoch`,
      caption: `Loss of ${model.recipe} by epoch, ${trained}. Cross entropy, both without label smoothing.`,
      section: "curves",
    }),
  ];
}

function confusion({ recipe, test }: ModelDetail): StudyFigure {
  const title = `${recipe}: confusion matrix, test set`;
  const classNames = test.perClass.map(({ label }) => label);
  return drawn(
    confusionFigure,
    { title, classNames, confusion: test.confusion },
    {
      name: `${recipe}-confusion`,
      title,
      caption: `Rows: what the image is. Columns: what ${recipe} takes it for. The diagonal holds the ${percent(test.accuracy)} that are right.`,
      section: "confusion",
    },
  );
}

function reliability({ recipe, test }: ModelDetail): StudyFigure {
  const title = `${recipe}: confidence and accuracy`;
  const { bins, error } = test.calibration;
  return drawn(
    reliabilityFigure,
    { title, bins, calibrationError: error },
    {
      name: `${recipe}-calibration`,
      title,
      caption: `How often ${recipe} is right, by how sure it says it is. On the diagonal the two agree; above it the model is better than it thinks, below it worse.`,
      section: "calibration",
    },
  );
}
