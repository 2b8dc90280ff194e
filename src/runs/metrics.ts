/** `metrics.jsonl`: one JSON object per line, one line per epoch. */
import { z } from "zod";
import { describeIssues } from "../formats/json.ts";
import { checkJson, parseJson } from "./parse-json.ts";

/** Larger confusion matrices are not recorded: a line would be tens of kilobytes, and the figure unreadable. */
export const MAX_CONFUSION_CLASSES = 32;

const fraction = z.number().min(0).max(1);
const nonNegative = z.number().min(0);
const confusion = z
  .array(z.array(z.int().min(0)).readonly())
  .readonly()
  .refine((rows) => rows.every((row) => row.length === rows.length), "expected as many columns as rows");

/** Losses are mean cross-entropies in nats, accuracies fractions from 0 to 1. Null without validation images. */
export const metricsFields = {
  trainLoss: nonNegative,
  trainAccuracy: fraction,
  validationLoss: nonNegative.nullable(),
  validationAccuracy: fraction.nullable(),
};

/** Values of metrics of one's own, by name. */
export const ownMetrics = z.record(z.string(), z.number());

export const metricsLineSchema = z.strictObject({
  /** Epochs done. */
  epoch: nonNegative,
  /** Steps done. */
  step: z.int().min(0),
  /** Learning rate of the last step. */
  learningRate: nonNegative,
  ...metricsFields,
  /** Training images per second of training time, in this epoch. */
  imagesPerSecond: nonNegative,
  /** Training time so far, from the run's start, all parts of an interrupted run together. */
  seconds: nonNegative,
  /**
   * `validationConfusion[label][predicted]` counts the validation images after this epoch. Absent without validation
   * images, with more than MAX_CONFUSION_CLASSES classes, or in lines of older versions.
   */
  validationConfusion: confusion.optional(),
  /** Metrics of one's own on the validation images, by name. */
  metrics: ownMetrics.optional(),
});

/** An epoch that is done, as a line of `metrics.jsonl`; accuracies 0 to 1, losses in nats without smoothing. */
export type MetricsLine = z.infer<typeof metricsLineSchema>;

/**
 * Parses a `metrics.jsonl`. Damaged lines are errors, as the file is always written atomically.
 *
 * @param fileName for error messages
 * @throws UserError with the number of the first damaged line
 */
export function parseMetrics(text: string, fileName: string): MetricsLine[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, i) => {
    const where = `${fileName}, line ${i + 1}`;
    const todo = "restore the file from a copy, or mend or remove the line";
    return checkJson(metricsLineSchema, parseJson(line, where, todo), where, todo);
  });
}

/**
 * The text of a `metrics.jsonl`.
 *
 * @throws RangeError when a value is outside its range; JSON has no NaN and no infinity, so a diverged loss is too
 */
export function formatMetrics(lines: readonly MetricsLine[]): string {
  return lines
    .map((line, i) => {
      const result = metricsLineSchema.safeParse(line);
      if (!result.success) throw new RangeError(`metrics line ${i + 1}: ${describeIssues(result.error.issues, line)}`);
      return `${JSON.stringify(result.data)}\n`;
    })
    .join("");
}
