import type { LoadedData } from "../../data/node/chain.ts";
import { doubtfulLabels } from "../../evaluation/doubtful-labels.ts";
import { evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import type { Predictions } from "../../evaluation/predictions.ts";
import { doubtfulLabelsSheet, imageName } from "../../report/node/sheets.ts";
import type { Run } from "../../runs/node/run-files.ts";
import { count, counted, percent, table } from "../../text.ts";
import { type SheetTarget, writeSheet } from "../images.ts";
import { type Output, sayNotKept } from "../output.ts";

/** Networks trained with a label smoothing of 0.1 rarely have a confidence above 0.93. */
export const DEFAULT_CONFIDENCE = 0.8;

export interface LabelsOptions {
  /** At least one. */
  readonly runs: readonly Run[];
  readonly confidence: number;
  /** Number of images to list and draw. */
  readonly list: number;
  readonly threads: number;
  readonly sheet: SheetTarget | undefined;
}

/** `data labels RUN...`: likely mislabelled test images, for which all runs confidently predict another class. */
export async function dataLabels(
  data: LoadedData,
  { runs, confidence, list, threads, sheet }: LabelsOptions,
  output: Output,
): Promise<number> {
  const { test } = data;
  const answers: Predictions[] = [];
  for (const run of runs) {
    const options = { data, split: "test", averageFlips: false, threads, onNotKept: sayNotKept(output) } as const;
    const { predictions, accuracy } = await evaluateRun(run, options);
    output.note(`${run.path}: test accuracy ${percent(accuracy)}`);
    answers.push(predictions);
  }
  const doubtful = doubtfulLabels(answers, { confidence });
  const listed = doubtful.slice(0, list);
  output.say(
    `${counted(doubtful.length, "test image")} of ${count(test.count)}: ${counted(runs.length, "run")}, each at least ${percent(confidence, 0)} sure of one class that is not the label`,
  );
  if (listed.length > 0) {
    output.say("");
    const cells = listed.map(({ index, label, predicted, confidence: sure }) => [
      imageName({ set: "test", index }, { test }),
      test.classNames[label]!,
      test.classNames[predicted]!,
      percent(sure, 1),
    ]);
    for (const line of table([["image", "label", "said", "least sure"], ...cells], [0, 1, 2])) output.say(line);
    if (listed.length < doubtful.length) output.say(`... and ${count(doubtful.length - listed.length)} more (--list)`);
  }
  const written = sheet
    ? await writeSheet(sheet, doubtfulLabelsSheet(listed, { total: doubtful.length, runs: runs.length }, test), output)
    : null;
  output.result({
    runs: runs.map(({ path }) => path),
    confidence,
    images: test.count,
    doubtful: doubtful.map(({ label, predicted, ...image }) => ({
      ...image,
      ...(test.files && { file: test.files[image.index] }),
      label: test.classNames[label],
      predicted: test.classNames[predicted],
    })),
    sheet: written,
  });
  return 0;
}
