import type { EvaluationSplit } from "../evaluation/node/evaluate-run.ts";
import { comparePaired } from "../evaluation/significance.ts";
import { type ComparisonReport, comparisonPage } from "../report/comparison-page.ts";
import type { TrainedModel } from "../report/node/model-figures.ts";
import { UNKNOWN } from "../report/wording.ts";
import { openRun, type Run, readMetrics } from "../runs/node/run-files.ts";
import type { RunRecord } from "../runs/run-record.ts";
import { asFolds, crossValidationReport } from "./cross-validation-report.ts";
import { defaultSplit, pageOrigin } from "./run-report.ts";
import { type ComparedRun, type CompareOptions, compareRuns } from "./study/compare-runs.ts";
import { type OwnResult, ownResults } from "./study/own-results.ts";

/** With more runs than this, only the recipes' first runs are compared one by one. */
const MAX_PAIRED_RUNS = 10;

/** Options of a page that compares runs. */
export interface ComparisonOptions extends Pick<CompareOptions, "data" | "loadData"> {
  readonly threads: number;
  /** The images to compare on. Default: the test images if each run was evaluated on them, else the validation images. */
  readonly split?: EvaluationSplit | undefined;
  /** The command line that makes the page, for its reader. */
  readonly command?: string | undefined;
}

/**
 * A page that compares runs on the same images, or joins the folds of a cross-validation (`crossValidationReport`), as the
 * text of an HTML file. The runs' records stay as they are.
 *
 * @param runs at least two
 * @throws UserError when a run is not finished, was trained on other data or has no such images
 */
export async function comparisonReport(
  runs: readonly (string | Run)[],
  { data, loadData, threads, split: wanted, command }: ComparisonOptions,
): Promise<string> {
  const opened = runs.map(openRun);
  const split = wanted ?? (opened.every((run) => defaultSplit(run) === "test") ? "test" : "validation");
  // The test images are the same for all folds, which are compared on them as other runs are.
  const folds = split === "validation" ? asFolds(opened) : undefined;
  if (folds) return crossValidationReport(folds, { data, threads, command });
  const compared = await compareRuns(opened, { data, loadData, split, threads, isKept: false });
  const results = ownResults(compared.runs);
  const firstOf = ({ origin }: OwnResult) => compared.runs.find(({ run }) => run === origin.runs[0])!;
  const recordOf = ({ run }: ComparedRun) => opened.find(({ path }) => path === run)!.record;
  const report: ComparisonReport = {
    split,
    runs: compared.runs,
    groups: results.map((result) => {
      const first = firstOf(result);
      const record = recordOf(first);
      if (record.status === "imported") return { ...result, first, settings: null };
      const { recipe, trainOn, limit, data } = record;
      return { ...result, first, settings: { ...recipe, trainOn, limit: limit ?? "none", image: sizeText(data) } };
    }),
    pairs: compared.runs.length > MAX_PAIRED_RUNS ? pairsOf(results.map(firstOf)) : compared.pairs,
    made: pageOrigin(),
    command: command ?? null,
  };
  const models = results.flatMap((result): TrainedModel[] => {
    const seeds = result.origin.runs.flatMap((run) => {
      const { seed } = compared.runs.find((one) => one.run === run)!;
      return seed === null ? [] : [{ seed, epochs: readMetrics(run) }];
    });
    return seeds.length > 0 ? [{ recipe: result.name, runs: seeds }] : [];
  });
  // Loaded on use, as the figures' libraries load slowly.
  const { overviewFigure } = await import("../report/node/model-figures.ts");
  // Each column of an overview is a model: more than two are too narrow to read on a page.
  const overviews = Array.from({ length: Math.ceil(models.length / 2) }, (_, i) => ({
    ...overviewFigure(models.slice(2 * i, 2 * i + 2)),
    name: `curves-${i + 1}`,
  }));
  return comparisonPage(report, overviews);
}

/** "3x96x96"; records of older versions do not have it. */
function sizeText({ image }: RunRecord["data"]): string {
  return image ? `${image.channels}x${image.height}x${image.width}` : UNKNOWN;
}

function pairsOf(runs: readonly ComparedRun[]): ComparisonReport["pairs"] {
  return runs.flatMap((a, i) =>
    runs.slice(i + 1).map((b) => ({
      a: a.run,
      b: b.run,
      ...comparePaired(a.metrics.predictions, b.metrics.predictions),
    })),
  );
}
