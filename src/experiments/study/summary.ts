import type { LoadedData } from "../../data/node/chain.ts";
import type { StudyReport, StudySetting } from "../../report/report-data.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import type { TestedRun } from "./assemble.ts";

/** The setting of a study, for its report. @param runs at least one */
export function studySetting(
  runs: readonly TestedRun[],
  { data, threads, command }: { data: LoadedData; threads: number; command: string },
): StudySetting {
  const { versions, commit, cpu } = collectEnvironment();
  const { record, recipe } = runs[0]!;
  return {
    date: new Date().toISOString(),
    commit,
    cpu: cpu.model,
    cores: cpu.cores,
    threads,
    versions,
    dataSource: data.verified ? "Fashion-MNIST" : data.folder,
    trainImages: record.data.trainImages,
    validationImages: record.data.validationImages,
    testImages: data.test.count,
    epochs: recipe.epochs,
    command,
  };
}

/** A study's results as JSON, for `study --json` and `study.json`. */
export function studySummary(
  { isQuick, setting, results, gains, conclusion }: StudyReport,
  runs: readonly TestedRun[],
) {
  return { runs: runs.map(runSummary), quick: isQuick, setting, results, gains, conclusion };
}

function runSummary({ path: run, recipe, seed, test, testAveraged, record }: TestedRun) {
  return {
    run,
    recipe: recipe.name,
    seed,
    accuracy: test.accuracy,
    correct: test.correct,
    total: test.total,
    accuracyTta: testAveraged.accuracy,
    parameters: record.parameters,
    seconds: record.result.seconds,
    weightsSha256: record.result.weightsSha256,
  };
}
