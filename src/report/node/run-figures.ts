import type { ReportedEvaluation, RunReport } from "../run-page.ts";
import { nameOf } from "../run-page.ts";
import { confusion, curveFigures, type EvaluatedModel, rankingFigures, reliability } from "./model-figures.ts";
import { dataSample, mistakesSheet, type StudyFigure } from "./sheets.ts";

const SAMPLE_COLUMNS = 8;
/** Images of the sample, where there are not more classes. */
const SAMPLE_IMAGES = 40;

/** Every figure of a run's report, in reading order. Deterministic. */
export function runFigures({ record, epochs, evaluation, sample }: RunReport): StudyFigure[] {
  const recipe = nameOf(record);
  const curves =
    record.status === "imported" || epochs.length === 0
      ? []
      : curveFigures({ recipe, runs: [{ seed: record.seed, epochs }] }, "");
  const { images, of } = sample;
  const eachClass = [8, 4, 2].find((many) => many * images.classNames.length <= SAMPLE_IMAGES) ?? 1;
  return [
    ...curves,
    ...(evaluation
      ? evaluationFigures({ recipe, prefix: "", split: evaluation.split, metrics: evaluation.metrics }, evaluation)
      : []),
    dataSample(images, { of, eachClass, columns: SAMPLE_COLUMNS }),
  ];
}

/** Figures of what a model answered to images. Deterministic. */
export function evaluationFigures(
  model: EvaluatedModel,
  { ranking, images }: Pick<ReportedEvaluation, "ranking" | "images">,
): StudyFigure[] {
  return [confusion(model), ...mistakesSheet(model, images), reliability(model), ...rankingFigures(model, ranking)];
}
