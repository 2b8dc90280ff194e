/** What goes through the queue: jobs, what workers report about them, and their results. Never code, never images. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { imageGeometrySchema } from "../data/image-set.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { splitToText } from "../data/picture-split.ts";
import { imageTask } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import type { PlannedRun } from "../experiments/planned-run.ts";
import type { ExperimentOptions } from "../experiments/train-all.ts";
import { describeIssues, sortedJson } from "../formats/json.ts";
import { preparationSchema } from "../imaging/preparation.ts";
import type { Model } from "../nn/index.ts";
import { FILE_FIELDS, recipeToJson, withoutPlaces } from "../recipes/recipe.ts";
import { recipeFromJson } from "../recipes/recipe-json.ts";
import { metricsLineSchema } from "../runs/metrics.ts";
import { collectEnvironment } from "../runs/node/environment.ts";
import { fileSum, networkSha256 } from "../runs/node/hashes.ts";
import type { RunRecord } from "../runs/run-record.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Incremented when jobs of an older version can no longer be trained by a newer one. */
const JOB_FORMAT = 1;

const positiveCount = z.int().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

/** What must be the same of the data where a run is trained and where it is needed. */
const dataFactsSchema = z.strictObject({
  files: z.array(z.strictObject({ name: z.string(), sha256 })).min(1),
  image: imageGeometrySchema,
  classes: z.array(z.string()),
  preparation: preparationSchema.optional(),
  /** Of the division of pictures into parts. */
  splitSha256: sha256.optional(),
});
export type DataFacts = z.infer<typeof dataFactsSchema>;

const jobSchema = z.strictObject({
  format: z.literal(JOB_FORMAT),
  /** Another version may train to other weights. */
  versions: z.strictObject({
    tailor: z.string(),
    /** Of a checkout; null of a package. */
    commit: z.string().nullable(),
    onnxruntime: z.string(),
  }),
  recipe: z.record(z.string(), z.unknown()),
  /** Of what the recipe's model computes: a worker takes the model from its own files. */
  networkSha256: sha256,
  fittedFrom: z.strictObject({ batchSize: positiveCount, epochs: z.number().positive() }).optional(),
  seed: z.int().min(0),
  trainOn: z.enum(["split", "all"]),
  limit: z.int().min(1).nullable(),
  fold: z.strictObject({ number: positiveCount, of: positiveCount }).optional(),
  /** Null: the worker's best. */
  lowering: z.enum(["standard", "blocked"]).nullable(),
  /** For a race: an epoch of recipe `base` is timed before the run. */
  timesBaseEpoch: z.literal(true).optional(),
  tensorboard: z.boolean(),
  data: dataFactsSchema,
});
/** A run to train, as it is in the queue. */
export type Job = z.infer<typeof jobSchema>;

/** What a worker reports of a run that it trains. */
export const progressSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("taken"),
    worker: z.string(),
    /** Epochs that another worker has trained. */
    epochsDone: z.int().min(0),
    /** Why it starts anew, where it does. */
    note: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal("step"),
    worker: z.string(),
    step: z.int().min(0),
    steps: positiveCount,
  }),
  z.strictObject({ kind: z.literal("epoch"), worker: z.string(), line: metricsLineSchema }),
]);
export type JobProgress = z.infer<typeof progressSchema>;

/** How a job ended. */
export const resultSchema = z.discriminatedUnion("kind", [
  /** The run's files are in the store, packed. */
  z.strictObject({ kind: z.literal("finished"), sha256, bytes: positiveCount }),
  z.strictObject({ kind: z.literal("diverged"), message: z.string() }),
]);
export type JobResult = z.infer<typeof resultSchema>;

export function dataFacts({ train, files, preparation, split }: LoadedData): DataFacts {
  const { channels, height, width, classNames } = train;
  return {
    files: files.map(({ name, sha256 }) => ({ name, sha256 })),
    image: { channels, height, width },
    classes: [...classNames],
    ...(preparation ? { preparation } : {}),
    ...(split ? { splitSha256: fileSum("", splitToText(split)).sha256 } : {}),
  };
}

/** What the jobs of a command have in common. */
export function machineFacts({
  data,
  runtime,
}: Pick<ExperimentOptions, "data" | "runtime">): Pick<Job, "versions" | "data"> {
  return { versions: versionsOf(runtime), data: dataFacts(data) };
}

/**
 * The job of a planned run.
 *
 * @param machine computed once for many jobs
 * @throws UserError (exit code 2) when the run needs what workers cannot have
 */
export function jobOf(
  { recipe, fittedFrom, seed, trainOn, limit, fold, timesBaseEpoch }: PlannedRun,
  options: Pick<ExperimentOptions, "data" | "lowering" | "runtime" | "tensorboard">,
  machine = machineFacts(options),
): Job {
  const { data, lowering, runtime, tensorboard = false } = options;
  if (runtime.gpu || lowering === "gpu") {
    throw new UserError((w) => `workers train on their processor; leave ${w.option("device")} out`, { exitCode: 2 });
  }
  return {
    format: JOB_FORMAT,
    ...machine,
    recipe: withoutPlaces(recipeToJson(recipe)),
    networkSha256: networkSha256(recipe.model, imageTask(data.train)),
    ...(fittedFrom ? { fittedFrom: { ...fittedFrom } } : {}),
    seed,
    trainOn,
    limit,
    ...(fold ? { fold: { ...fold } } : {}),
    lowering: lowering ?? null,
    ...(timesBaseEpoch ? { timesBaseEpoch } : {}),
    tensorboard,
  };
}

/** Of this program, as they are in a job. */
export function versionsOf({ version }: Pick<Runtime, "version">): Job["versions"] {
  const { versions, commit } = collectEnvironment();
  return { tailor: versions.tailor, commit, onnxruntime: version };
}

/** The job's name in the queue: the same run has the same name, so that it is there once. */
export function jobId(job: Job): string {
  return `run-${createHash("sha256").update(sortedJson(job)).digest("hex")}`;
}

/**
 * Parses a job from the queue.
 *
 * @throws UserError when it is not one of this version, or not the one that its name says
 */
export function parseJob(value: unknown, id: string): Job {
  const format = z.object({ format: z.number() }).safeParse(value).data?.format ?? JOB_FORMAT;
  if (format !== JOB_FORMAT) {
    throw new UserError(`job ${id}: format ${format}, expected ${JOB_FORMAT}: it is of another version of tailor`);
  }
  const parsed = jobSchema.safeParse(value);
  if (!parsed.success) throw new UserError(`job ${id} is damaged: ${describeIssues(parsed.error.issues, value)}`);
  if (jobId(parsed.data) !== id) {
    throw new UserError(`job ${id} is damaged: it was changed after it was put into the queue (another checksum)`);
  }
  return parsed.data;
}

/** What a worker trains with. */
export interface WorkerFacts {
  readonly data: LoadedData;
  /** Of the data, computed once for all jobs. */
  readonly facts: DataFacts;
  readonly versions: Job["versions"];
  /** Models of the worker's own recipe files, each with its file. */
  readonly models: readonly { readonly model: Model; readonly file: string }[];
  /** Places of the worker's pretrained networks and weights, by their SHA-256. */
  readonly files: ReadonlyMap<string, string>;
}

/** The planned run of a job; a text where this worker cannot train it, which says why. */
export function planJob(
  job: Job,
  path: string,
  { data, facts, versions, models, files }: WorkerFacts,
): PlannedRun | string {
  for (const name of ["tailor", "onnxruntime"] as const) {
    if (job.versions[name] === versions[name]) continue;
    const program = name === "tailor" ? "tailor" : "ONNX Runtime";
    return `it is for ${program} ${job.versions[name]}, this is ${versions[name]}`;
  }
  const [theirs, ours] = [job.versions.commit, versions.commit];
  if (theirs !== null && ours !== null && theirs !== ours) {
    return `it is for tailor at commit ${theirs.slice(0, 12)}, this is ${ours.slice(0, 12)}`;
  }
  const other = job.data.files.find(
    ({ name, sha256 }) => !facts.files.some((f) => f.name === name && f.sha256 === sha256),
  );
  if (other) return `its data are not here: ${other.name} of ${data.folder} is missing or has another checksum`;
  if (sortedJson(facts) !== sortedJson(job.data)) {
    return `its data are read in another way (size, channels, classes or division): ${data.folder} gives ${sortedJson(facts.image)}, it needs ${sortedJson(job.data.image)}`;
  }
  const task = imageTask(data.train);
  const found = models.find(
    ({ model }) => model.name === job.recipe.model && networkSha256(model, task) === job.networkSha256,
  );
  const json = withPlaces(job.recipe, files);
  if (typeof json === "string") return json;
  try {
    const recipe = recipeFromJson(json, "the job", found?.model);
    if (networkSha256(recipe.model, task) !== job.networkSha256) return unknownNetwork(job);
    const { seed, trainOn, limit, fold, fittedFrom, timesBaseEpoch } = job;
    return { recipe, recipeFile: found?.file, seed, trainOn, limit, fold, fittedFrom, timesBaseEpoch, path };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${unknownNetwork(job)} (${error.message})`;
  }
}

const fileSchema = z.object({ source: z.string().optional(), sha256 });

/** A job's recipe with the places of this worker's files; a text where one is missing. */
function withPlaces(recipe: Job["recipe"], files: WorkerFacts["files"]): Job["recipe"] | string {
  const placed = { ...recipe };
  for (const field of FILE_FIELDS) {
    const wanted = fileSchema.safeParse(recipe[field]).data;
    if (wanted === undefined) continue;
    const file = files.get(wanted.sha256);
    if (file === undefined) {
      const name = wanted.source === undefined ? "" : `${wanted.source}, `;
      const what = field === "backbone" ? "backbone" : "weights";
      return `it starts from a file that is not here (${name}SHA-256 ${wanted.sha256}); give the worker the same ${what}`;
    }
    placed[field] = { ...(recipe[field] as object), file };
  }
  return placed;
}

/** A record from another machine with this one's places of the recipe's files and the data, where later commands look for them. */
export function asTrainedHere(
  record: RunRecord,
  { recipe, recipeFile }: Pick<PlannedRun, "recipe" | "recipeFile">,
  data: Pick<LoadedData, "folder">,
): RunRecord {
  const placed = { ...record.recipe };
  for (const field of FILE_FIELDS) {
    if (placed[field] && recipe[field]) placed[field] = { ...placed[field], file: recipe[field].file };
  }
  return {
    ...record,
    recipe: placed,
    ...(recipeFile === undefined ? {} : { recipeFile }),
    data: { ...record.data, ...(record.data.folder === undefined ? {} : { folder: data.folder }) },
  };
}

function unknownNetwork(job: Job): string {
  return `its network ${JSON.stringify(job.recipe.model)} is not here; give the worker the recipe's file, whose network must be the same`;
}
