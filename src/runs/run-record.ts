/**
 * `run.json`: a run's recipe, data, environment and results, sufficient to reproduce and compare it. Imported external
 * weights are a run too; its record has their source, and nothing about their training.
 */
import { z } from "zod";
import { imageGeometrySchema } from "../data/image-set.ts";
import { UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";
import { preparationSchema } from "../imaging/preparation.ts";
import { currentRecipeName } from "../recipes/renamed.ts";
import { metricsFields, ownMetrics } from "./metrics.ts";
import { checkJson, parseJson } from "./parse-json.ts";

/** Incremented when old records can no longer be read in the new format. */
export const RUN_FORMAT = 1;

const count = z.int().min(0);
const positiveCount = z.int().min(1);
const nonNegative = z.number().min(0);
const fraction = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

/** The recipe under today's name. */
function renamed(recipe: Record<string, unknown>): Record<string, unknown> {
  return typeof recipe.name === "string" ? { ...recipe, name: currentRecipeName(recipe.name) } : recipe;
}

const resultSchema = z.strictObject({
  /** Metrics of the epoch whose weights the run has: the last, or the best. */
  ...metricsFields,
  /** Metrics of one's own, of the same epoch. */
  metrics: ownMetrics.optional(),
  /** Training images (epochs x images) per second of training time. */
  imagesPerSecond: nonNegative,
  /** Training time, all parts of an interrupted run together, without evaluation. */
  seconds: nonNegative,
  peakMemoryBytes: count,
  /** Number of epochs trained, if early stopping ended the training. */
  stoppedAfter: positiveCount.optional(),
  /** The epoch whose weights the run has, if it kept the best. */
  bestEpoch: positiveCount.optional(),
  /** How probabilities follow from logits, fitted on the validation images: also in `model.onnx`. */
  confidence: z.strictObject({ temperature: z.number().positive(), unknownBelow: fraction }).optional(),
  /** See `weightsSha256`. */
  weightsSha256: sha256,
});

const evaluationSchema = z.strictObject({
  accuracy: fraction,
  correct: count,
  total: positiveCount,
  /** Standard error of the accuracy: sqrt(accuracy x (1 - accuracy) / total). */
  standardError: nonNegative,
  loss: nonNegative,
});

const planSchema = z.strictObject({
  format: z.literal(RUN_FORMAT),
  recipeName: z.string().transform(currentRecipeName),
  /** The whole recipe as JSON, as the recipe of this name may change later. */
  recipe: z.record(z.string(), z.unknown()).transform(renamed),
  model: z.string(),
  /** The recipe's own batch size and epochs, if they were adapted to the number of images. */
  fittedFrom: z.strictObject({ batchSize: positiveCount, epochs: z.number().positive() }).optional(),
  /** The file that exports the recipe; absent for a built-in recipe or one from a program. */
  recipeFile: z.string().optional(),
  /** See `networkSha256`; absent in records of older versions. */
  networkSha256: sha256.optional(),
  /** Of the forward pass of one image; absent in records of older versions. */
  multiplyAdds: count.optional(),
  /** Number of trainable parameters. */
  parameters: count,
  seed: count,
  epochs: z.number().positive(),
  batchSize: positiveCount,
  /** Peak learning rate of the schedule. */
  learningRate: nonNegative,
  /** "split": trained on the training part of the split; "all": on the validation part too, without validation. */
  trainOn: z.enum(["split", "all"]),
  /** Number of training images used; null: all. */
  limit: positiveCount.nullable(),
  /** Fingerprints of the functions that a program gave (`functionFingerprints`), if any. */
  functions: z
    .strictObject({
      loss: sha256.optional(),
      augment: sha256.optional(),
      metrics: z.record(z.string(), sha256).optional(),
    })
    .optional(),
  /** The finished run that this one continues, with more epochs. */
  extendedFrom: z.strictObject({ run: z.string(), epochs: positiveCount, weightsSha256: sha256 }).optional(),
  /** The finished run whose data were grown by classes or pictures for this one, and whose weights it starts from. */
  grownFrom: z.strictObject({ run: z.string(), weightsSha256: sha256 }).optional(),
  /** The fold that validates, in a cross-validation; absent for the usual split. */
  fold: z.strictObject({ number: positiveCount, of: positiveCount }).optional(),
  /**
   * Seconds of an epoch of recipe `base`, the race's unit, in each process that trained the run, timed before it began; `from`
   * is the run's training time at which that process took over.
   */
  baseEpochs: z
    .array(z.strictObject({ from: nonNegative, seconds: z.number().positive() }))
    .min(1)
    .optional(),
  lowering: z.enum(["standard", "blocked", "gpu"]),
  /** Channels per block of the blocked layout; null without it. */
  blockSize: positiveCount.nullable(),
  threads: positiveCount,
  /** The GPU that computed; absent if the processor did. */
  gpu: z.strictObject({ name: z.string().nullable(), backend: z.string() }).optional(),
  /** Which device computed and why, as a phrase; absent where none was chosen. */
  device: z.string().optional(),
  versions: z.strictObject({ tailor: z.string(), node: z.string(), onnxruntime: z.string() }),
  /** Commit of tailor's checkout; null if it was not run from one. */
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
    /** Folder of custom data; absent for Fashion-MNIST from any source. */
    folder: z.string().optional(),
    /** Size of an image. */
    image: imageGeometrySchema.optional(),
    /** How pictures are converted to such images. Default: as garments, like Fashion-MNIST. */
    preparation: preparationSchema.optional(),
    /** Class names by index; absent in records of older versions. */
    classes: z.array(z.string()).optional(),
    /** Of the training images, per channel; pixels from 0 to 1. */
    normalization: z.strictObject({ mean: z.array(z.number()), standardDeviation: z.array(nonNegative) }).optional(),
  }),
  /** Start of training; for imported weights the time of the import. */
  startedAt: z.iso.datetime("expected a date and time like 2026-01-31T12:00:00.000Z"),
  /**
   * The run's own files, checked by whoever reads them: of a finished or imported run all that results depend on, of an
   * unfinished one those that no longer change. Absent in records of older versions.
   */
  files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256 })).optional(),
  /** By split; with the suffix "-tta" for test-time averaging. */
  evaluations: z
    .partialRecord(z.enum(["test", "validation", "test-tta", "validation-tta"]), evaluationSchema)
    .optional(),
});

const runningSchema = planSchema.extend({ status: z.literal("running"), result: z.null() });
/** Schema of the record of a finished training. */
export const finishedSchema = planSchema.extend({ status: z.literal("finished"), result: resultSchema });
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
    files: true,
    evaluations: true,
  })
  .extend({
    status: z.literal("imported"),
    /** The training is unknown. */
    result: z.null(),
    /** The file of the weights. */
    source: z.strictObject({ file: z.string(), bytes: count, sha256 }),
    /** See `weightsSha256`. */
    weightsSha256: sha256,
  });
const anyRecordSchema = z.discriminatedUnion("status", [runningSchema, finishedSchema, importedSchema], {
  error: (issue) =>
    issue.code === "invalid_union" ? 'expected "running", "finished" or "imported"' : "expected an object",
});

/** Record of any run. */
export type AnyRunRecord = z.infer<typeof anyRecordSchema>;
/** Record of imported weights. */
export type ImportedRunRecord = z.infer<typeof importedSchema>;
/** Record of a run trained by tailor, finished or not. */
export type RunRecord = Exclude<AnyRunRecord, ImportedRunRecord>;
/** Record of a finished run. */
export type FinishedRunRecord = z.infer<typeof finishedSchema>;
export type RunResult = z.infer<typeof resultSchema>;
export type Evaluation = z.infer<typeof evaluationSchema>;

/**
 * Parses a `run.json`.
 *
 * @param fileName for error messages
 * @throws UserError when the text is damaged, has another format or lacks a field: names the field and what was
 *   expected
 */
export function parseRunRecord(text: string, fileName: string): AnyRunRecord {
  const todo = "restore the file from a copy, or train again into another folder";
  const value = withoutChecksum(parseJson(text, fileName, todo));
  const format = z.object({ format: z.number() }).safeParse(value).data?.format ?? RUN_FORMAT;
  if (format !== RUN_FORMAT) {
    throw new UserError(
      `${fileName}: field "format": expected ${RUN_FORMAT}, found ${format}; another version of tailor wrote this run: use that version`,
    );
  }
  const record = checkJson(anyRecordSchema, value, fileName, todo);
  const problem = contradiction(record);
  if (problem !== undefined) throw new UserError(`${fileName}: ${problem}; ${todo}`);
  return record;
}

/** The file's own checksum is not part of the record: it is verified when the file is read (`runs/node/hashes.ts`). */
function withoutChecksum(value: unknown): unknown {
  const checked = z.looseObject({ fileSha256: sha256 }).safeParse(value);
  if (!checked.success) return value;
  const { fileSha256: _, ...record } = checked.data;
  return record;
}

/** Largest difference between an accuracy and its quotient of counts that is rounding. */
const ROUNDING = 1e-9;

/** What two fields say differently of the same thing; undefined when they agree. Fields that older records lack agree. */
function contradiction(record: AnyRunRecord): string | undefined {
  for (const [split, { accuracy, correct, total }] of Object.entries(record.evaluations ?? {})) {
    if (Math.abs(accuracy - correct / total) > ROUNDING) {
      return `field "evaluations.${split}": an accuracy of ${accuracy} contradicts ${correct} correct of ${total}`;
    }
  }
  if (record.status === "imported") return undefined;
  const { recipe, recipeName, model, epochs, batchSize, learningRate, result, data } = record;
  const sayings = { epochs, batchSize, learningRate, model, name: recipeName };
  for (const [field, value] of Object.entries(sayings)) {
    const planned = recipe[field];
    if (planned === undefined || planned === value) continue;
    const other = field === "name" ? "recipeName" : field;
    return `field "recipe.${field}": ${JSON.stringify(planned)} contradicts ${JSON.stringify(value)} of field "${other}"`;
  }
  for (const field of ["stoppedAfter", "bestEpoch"] as const) {
    const epoch = result?.[field] ?? 0;
    if (epoch > epochs) return `field "result.${field}": ${epoch} contradicts ${epochs} epochs`;
  }
  const { image, normalization } = data;
  if (image && normalization) {
    for (const field of ["mean", "standardDeviation"] as const) {
      const { length } = normalization[field];
      if (length !== image.channels) {
        return `field "data.normalization.${field}": ${length} numbers contradict ${image.channels} channels`;
      }
    }
  }
  return undefined;
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
