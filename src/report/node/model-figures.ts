import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import type { EvaluationSplit } from "../../evaluation/node/evaluate-run.ts";
import { type ClassRanking, precisionRecallCurve, type Ranking, rocCurve } from "../../evaluation/ranking.ts";
import { confusionFigure } from "../../plots/confusion.ts";
import { accuracyCurves, curvesOverview, lossCurves } from "../../plots/curves.ts";
import { precisionRecallFigure, type RankedClass, rocFigure } from "../../plots/ranking-curves.ts";
import { reliabilityFigure } from "../../plots/reliability.ts";
import type { TrainingCurves } from "../../plots/training-curves.ts";
import type { MetricsLine } from "../../runs/metrics.ts";
import { counted, percent } from "../../text.ts";
import { listText } from "../wording.ts";
import { drawn, type StudyFigure } from "./sheets.ts";

/** Figures of one model: its curves, and its answers to the images that it was evaluated on. */

/** A model that was evaluated. */
export interface EvaluatedModel {
  /** Shown name. */
  readonly recipe: string;
  /** Start of the names of its figures' files, to tell models apart. */
  readonly prefix: string;
  readonly split: EvaluationSplit;
  readonly metrics: ClassificationMetrics;
}

/** A model's runs that differ only in their seeds. */
export interface TrainedModel {
  readonly recipe: string;
  readonly runs: readonly { readonly seed: number; readonly epochs: readonly MetricsLine[] }[];
}

const CURVES_CAPTION =
  "Training values are measured during the epoch, while the weights still change and under augmentation (and dropout, where the network has it), so training accuracy can lie below that of validation; validation values are measured at the epoch's end, on images as they are.";

function curvesOf({ recipe, runs }: TrainedModel): TrainingCurves {
  return { model: recipe, runs };
}

/** Accuracy and loss of several models on common scales. */
export function overviewFigure(models: readonly TrainedModel[]): StudyFigure {
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

/** Accuracy and loss by epoch. @param prefix of the files' names */
export function curveFigures(model: TrainedModel, prefix: string): StudyFigure[] {
  const curves = {
    ...curvesOf(model),
    note: "Training: during the epoch, under augmentation. Validation: at its end.",
  };
  const seeds = listText(model.runs.map(({ seed }) => String(seed)));
  const trained = model.runs.length === 1 ? `seed ${seeds}` : `seeds ${seeds}`;
  return [
    drawn(accuracyCurves, curves, {
      name: `${prefix}accuracy`,
      title: `${model.recipe}: accuracy by epoch`,
      caption: `Accuracy of ${model.recipe} by epoch, ${trained}.`,
      section: "curves",
    }),
    drawn(lossCurves, curves, {
      name: `${prefix}loss`,
      title: `${model.recipe}: loss by epoch`,
      caption: `Loss of ${model.recipe} by epoch, ${trained}. Cross entropy, both without label smoothing.`,
      section: "curves",
    }),
  ];
}

export function confusion({ recipe, prefix, split, metrics }: EvaluatedModel): StudyFigure {
  const title = `${recipe}: confusion matrix, ${split} set`;
  const classNames = metrics.perClass.map(({ label }) => label);
  return drawn(
    confusionFigure,
    { title, classNames, confusion: metrics.confusion },
    {
      name: `${prefix}confusion`,
      title,
      caption: `Rows: what the image is. Columns: what ${recipe} takes it for. The diagonal holds the ${percent(metrics.accuracy)} that are right.`,
      section: "confusion",
    },
  );
}

export function reliability({ recipe, prefix, metrics }: EvaluatedModel): StudyFigure {
  const title = `${recipe}: confidence and accuracy`;
  const { bins, error } = metrics.calibration;
  return drawn(
    reliabilityFigure,
    { title, bins, calibrationError: error },
    {
      name: `${prefix}calibration`,
      title,
      caption: `How often ${recipe} is right, by how sure it says it is. On the diagonal the two agree; above it the model is better than it thinks, below it worse.`,
      section: "calibration",
    },
  );
}

/** ROC and precision-recall curves, each class against the rest; none without images of several classes. */
export function rankingFigures({ recipe, prefix }: EvaluatedModel, { classes }: Ranking): StudyFigure[] {
  const ranked = (areaOf: (one: ClassRanking) => number | null, curve: typeof rocCurve): RankedClass[] =>
    classes.flatMap((one) => {
      const area = areaOf(one);
      return area === null ? [] : [{ label: one.label, area, points: curve(one) }];
    });
  const roc = ranked(({ auc }) => auc, rocCurve);
  // Where all images are of one class there is nothing to rank.
  if (roc.length === 0) return [];
  const precisions = ranked(({ averagePrecision }) => averagePrecision, precisionRecallCurve);
  const left = classes.length - roc.length;
  const note = left > 0 ? `${counted(left, "class", "classes")} without images left out.` : undefined;
  const titles = { roc: `${recipe}: ROC curves`, precisions: `${recipe}: precision and recall` };
  return [
    drawn(
      rocFigure,
      { title: titles.roc, classes: roc, note },
      {
        name: `${prefix}roc`,
        title: titles.roc,
        caption:
          "Receiver operating characteristic, each class against the rest: the share of its images that are found, against the share of other images taken for it, as the threshold on the probability falls. AUC is the probability that an image of the class ranks above one of another.",
        section: "ranking",
      },
    ),
    drawn(
      precisionRecallFigure,
      { title: titles.precisions, classes: precisions, note },
      {
        name: `${prefix}precision-recall`,
        title: titles.precisions,
        caption:
          "Precision against recall, each class against the rest. The area under a class's steps is its average precision.",
        section: "ranking",
      },
    ),
  ];
}
