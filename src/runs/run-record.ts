/**
 * `run.json`: what was run, on what, with what, and what came of it. Enough to do it again and to compare it. Weights from
 * elsewhere make a run too; its record says where they came from, and of their training nothing.
 */
import { z } from "zod";
import { UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";
import { preparationSchema } from "../imaging/preparation.ts";
import { metricsFields } from "./metrics.ts";
import { checkJson, parseJson } from "./parse-json.ts";

/** Goes up when a record of the old form can no longer be read as the new one. */
export const RUN_FORMAT = 1;

const count = z.int().min(0);
const positiveCount = z.int().min(1);
const nonNegative = z.number().min(0);
const fraction = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

const resultSchema = z.strictObject({
  /** Of the last epoch. */
  ...metricsFields,
  /** Training images (epochs x images) for each second of training time. */
  imagesPerSecond: nonNegative,
  /** Training time, all parts of an interrupted run together, without evaluation. */
  seconds: nonNegative,
  peakMemoryBytes: count,
  /** See `weightsSha256`. */
  weightsSha256: sha256,
});

const evaluationSchema = z.strictObject({
  accuracy: fraction,
  correct: count,
  total: positiveCount,
  /** Of the accuracy: sqrt(accuracy x (1 - accuracy) / total). */
  standardError: nonNegative,
  loss: nonNegative,
});

const planSchema = z.strictObject({
  format: z.literal(RUN_FORMAT),
  recipeName: z.string(),
  /** The whole recipe as JSON, so that a run can be told from another after the recipe of this name has changed. */
  recipe: z.record(z.string(), z.unknown()),
  model: z.string(),
  /** What the recipe had before batch and epochs were fitted to the number of images; left out: they were not. */
  fittedFrom: z.strictObject({ batchSize: positiveCount, epochs: z.number().positive() }).optional(),
  /** The file that exported the recipe; left out: it is one of tailor's, or a program's. */
  recipeFile: z.string().optional(),
  /** See `networkSha256`; records of older versions do not tell it. */
  networkSha256: sha256.optional(),
  /** Of one image, forward; records of older versions do not tell it. */
  multiplyAdds: count.optional(),
  /** Trainable numbers in the model. */
  parameters: count,
  seed: count,
  epochs: z.number().positive(),
  batchSize: positiveCount,
  /** The schedule's highest. */
  learningRate: nonNegative,
  /** "split": the training part of the split; "all": the validation part too, so that nothing validates. */
  trainOn: z.enum(["split", "all"]),
  /** Only so many training images were used; null: all. */
  limit: positiveCount.nullable(),
  lowering: z.enum(["standard", "blocked", "gpu"]),
  /** Channels a block of the blocked layout; null without it. */
  blockSize: positiveCount.nullable(),
  threads: positiveCount,
  versions: z.strictObject({ tailor: z.string(), node: z.string(), onnxruntime: z.string() }),
  /** Of the checkout that tailor ran from; null when it was none. */
  commit: z.string().nullable(),
  cpu: z.strictObject({ model: z.string(), cores: positiveCount }),
  platform: z.string(),
  data: z.strictObject({
    source: z.string(),
    /** Whether the files' checksums are those of the published data set. */
    verified: z.boolean(),
    files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256 })),
    trainImages: count,
    validationImages: count,
    /** Where the user's own data lay; left out: Fashion-MNIST, wherever it is. */
    folder: z.string().optional(),
    /** Axes of an image. */
    image: z.strictObject({ channels: positiveCount, height: positiveCount, width: positiveCount }).optional(),
    /** What turns pictures into such images; left out: as Fashion-MNIST's garments. */
    preparation: preparationSchema.optional(),
    /** Their names, by class number; records of older versions do not tell them. */
    classes: z.array(z.string()).optional(),
    /** Of the training images, for each channel; pixels from 0 to 1. */
    normalization: z.strictObject({ mean: z.array(z.number()), standardDeviation: z.array(nonNegative) }).optional(),
  }),
  /** Of training; imported weights: when they were imported. */
  startedAt: z.iso.datetime("expected a date and time like 2026-01-31T12:00:00.000Z"),
  /** By the part of the data; "-tta" with test-time averaging. */
  evaluations: z
    .partialRecord(z.enum(["test", "validation", "test-tta", "validation-tta"]), evaluationSchema)
    .optional(),
});

const runningSchema = planSchema.extend({ status: z.literal("running"), result: z.null() });
const finishedSchema = planSchema.extend({ status: z.literal("finished"), result: resultSchema });
const importedSchema = planSchema
  .pick({
    format: true,
    model: true,
    recipeFile: true,
    networkSha256: true,
    multiplyAdds: true,
    parameters: true,
    versions: true,
    commit: true,
    cpu: true,
    platform: true,
    startedAt: true,
    evaluations: true,
  })
  .extend({
    status: z.literal("imported"),
    /** Nothing is known of a training. */
    result: z.null(),
    /** The file that the weights were in. */
    source: z.strictObject({ file: z.string(), bytes: count, sha256 }),
    /** See `weightsSha256`. */
    weightsSha256: sha256,
  });
const anyRecordSchema = z.discriminatedUnion("status", [runningSchema, finishedSchema, importedSchema], {
  error: (issue) =>
    issue.code === "invalid_union" ? 'expected "running", "finished" or "imported"' : "expected an object",
});

/** Of any run. */
export type AnyRunRecord = z.infer<typeof anyRecordSchema>;
/** Of weights that were trained elsewhere. */
export type ImportedRunRecord = z.infer<typeof importedSchema>;
/** Of a run that tailor trains or has trained. */
export type RunRecord = Exclude<AnyRunRecord, ImportedRunRecord>;
/** Of a run that came to its end. */
export type FinishedRunRecord = z.infer<typeof finishedSchema>;
export type RunResult = z.infer<typeof resultSchema>;
export type Evaluation = z.infer<typeof evaluationSchema>;

/**
 * Reads the text of a `run.json`.
 *
 * @param fileName what error messages call the file
 * @throws UserError when the text is damaged, is of another format or lacks a field: names the field and what was expected
 */
export function parseRunRecord(text: string, fileName: string): AnyRunRecord {
  const todo = "restore the file from a copy, or train again into another folder";
  const value = parseJson(text, fileName, todo);
  const format = z.object({ format: z.number() }).safeParse(value).data?.format ?? RUN_FORMAT;
  if (format !== RUN_FORMAT) {
    throw new UserError(
      `${fileName}: field "format": expected ${RUN_FORMAT}, found ${format}; another version of tailor wrote this run: use that version`,
    );
  }
  return checkJson(anyRecordSchema, value, fileName, todo);
}

/**
 * The text of a `run.json`: indented JSON, fields in the order of the schema.
 *
 * @throws RangeError when a value is outside its range; JSON has no NaN and no infinity, so a diverged loss is too
 */
export function formatRunRecord(record: AnyRunRecord): string {
  const result = anyRecordSchema.safeParse(record);
  if (!result.success) throw new RangeError(`run record: ${describeIssues(result.error.issues, record)}`);
  return `${JSON.stringify(result.data, null, 2)}\n`;
}

/** The checksum of a run's weights (see `weightsSha256`); undefined while it is not finished. */
export function recordedWeights(record: AnyRunRecord): string | undefined {
  return record.status === "imported" ? record.weightsSha256 : record.result?.weightsSha256;
}
