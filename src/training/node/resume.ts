import { isDeepStrictEqual } from "node:util";
import type { Lowering } from "../../compile/program.ts";
import { stepsIn } from "../../data/batches.ts";
import { differingFile } from "../../data/differing-file.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import { UserError } from "../../errors.ts";
import type { Safetensors } from "../../formats/safetensors.ts";
import { sizeOf } from "../../graph/shape.ts";
import { buildModel, type ImageTask, withoutNormalization } from "../../nn/model.ts";
import type { PixelNormalization } from "../../ops/normalize-pixels.ts";
import { createOptimizer } from "../../optim/index.ts";
import { type Recipe, withoutPlaces } from "../../recipes/recipe.ts";
import { formatMetrics, type MetricsLine } from "../../runs/metrics.ts";
import { fileSum } from "../../runs/node/hashes.ts";
import { RUN_FILES } from "../../runs/node/run-files.ts";
import type { RunRecord } from "../../runs/run-record.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TrainingPosition } from "../progress.ts";
import { stageAt, trainingStages } from "../stages.ts";
import type { TrainingSnapshot } from "../train.ts";
import { averageName, slotName } from "../training-program.ts";

/** Largest difference that another order of summation makes in a mean or deviation of pixels from 0 to 1. */
const ROUNDING = 1e-6;

/** A run's position as metadata of `state.safetensors`: numbers as JavaScript prints them, which is exact. */
export function encodePosition({ step, seconds, epoch }: TrainingPosition): Record<string, string> {
  const numbers = {
    step,
    seconds,
    epochLossSum: epoch.lossSum,
    epochCorrect: epoch.correct,
    epochSteps: epoch.steps,
    epochSeconds: epoch.seconds,
  };
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}

/** What determines a run, as metadata of the files that it is resumed from. */
export function runIdentity({ recipe, seed, trainOn, limit, fold, functions }: RunRecord): Record<string, string> {
  const fields = { recipe, seed, trainOn, limit, fold: fold ?? null, functions: functions ?? null };
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));
}

/**
 * Checks that a file is of this run. Files of older versions do not say of which they are.
 *
 * @throws UserError that names what differs
 */
export function requireOwnState(
  { metadata }: Pick<Safetensors, "metadata">,
  fileName: string,
  record: RunRecord,
): void {
  for (const [name, own] of Object.entries(runIdentity(record))) {
    const stated = metadata[name];
    if (stated === undefined || isSameJson(name, stated, own)) continue;
    throw damagedState(fileName, `it is of another run, whose "${name}" is ${stated}, not ${own}`);
  }
}

function isSameJson(name: string, one: string, other: string): boolean {
  const parse = (text: string) => (name === "recipe" ? withoutPlaces(JSON.parse(text)) : JSON.parse(text));
  try {
    return isDeepStrictEqual(parse(one), parse(other));
  } catch {
    return false;
  }
}

/** @throws UserError when the state has no valid position */
export function decodeSnapshot({ tensors, metadata }: Safetensors, fileName: string): TrainingSnapshot {
  const number = (name: string): number => {
    const text = metadata[name];
    const value = text === undefined || text === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < 0)
      throw damagedState(fileName, `"${name}" must be a number from 0 up, found ${JSON.stringify(text ?? null)}`);
    return value;
  };
  const count = (name: string): number => {
    const value = number(name);
    if (!Number.isSafeInteger(value)) throw damagedState(fileName, `"${name}" must be a whole number, found ${value}`);
    return value;
  };
  return {
    tensors: new Map(tensors.map(({ name, data }) => [name, data])),
    position: {
      step: count("step"),
      seconds: number("seconds"),
      epoch: {
        lossSum: number("epochLossSum"),
        correct: count("epochCorrect"),
        steps: count("epochSteps"),
        seconds: number("epochSeconds"),
      },
    },
  };
}

/**
 * Checks that a state belongs to its run: the run's tensors, at a possible position.
 *
 * @throws UserError that names the mismatch
 */
export function checkSnapshot(
  { tensors, position: { step, epoch } }: TrainingSnapshot,
  fileName: string,
  { record, recipe, task }: { record: RunRecord; recipe: Recipe; task: ImageTask },
): void {
  const stepsSoFar = (epochs: number) => stepsOf(record, epochs);
  const sizes = keptSizes(recipe, task, Math.max(0, step - 1), stepsSoFar);
  for (const name of new Set([...sizes.keys(), ...tensors.keys()])) {
    const [expected, found] = [sizes.get(name) ?? "no", tensors.get(name)?.length ?? "none"];
    if (expected !== found && !(expected === "no" && found === "none"))
      throw damagedState(fileName, `"${name}" must have ${expected} elements, found ${found}`);
  }
  const totalSteps = stepsOf(record, record.epochs);
  if (step > totalSteps) throw damagedState(fileName, `"step" is ${step}, the run has ${totalSteps} steps`);
  const sinceEpoch = step - stepsOf(record, epochsDone(record, step));
  if (epoch.steps !== sinceEpoch)
    throw damagedState(fileName, `"epochSteps" must be ${sinceEpoch} at step ${step}, found ${epoch.steps}`);
}

/**
 * The metrics of the epochs finished at `step`. A kill between writing metrics and state leaves one extra line, which
 * is dropped, as that epoch is trained again.
 *
 * @throws UserError when one is missing
 */
export function metricsUpTo(
  step: number,
  lines: readonly MetricsLine[],
  fileName: string,
  record: RunRecord,
): MetricsLine[] {
  const kept = lines.filter((line) => line.step <= step);
  const epochs = epochsDone(record, step);
  if (kept.length !== epochs || kept.some((line, i) => line.step !== stepsOf(record, i + 1))) {
    throw new UserError(
      `${fileName}: expected a line for each of the ${epochs} epochs up to step ${step}, found ${kept.length}; restore the file from a copy, or start another run`,
    );
  }
  return kept;
}

/** A checksum of the metrics of finished epochs, with which a state tells whether they are still the same. */
export function metricsSha256(lines: readonly MetricsLine[]): string {
  return fileSum("", formatMetrics(lines)).sha256;
}

/**
 * Checks the metrics of a run that is resumed.
 *
 * @param stated by the state; undefined in states of older versions
 * @throws UserError when they are not those that were written with the state
 */
export function requireOwnMetrics(lines: readonly MetricsLine[], fileName: string, stated: string | undefined): void {
  if (stated === undefined || metricsSha256(lines) === stated) return;
  throw new UserError(
    `${fileName} is damaged: its lines are not those that ${RUN_FILES.state} was written with (another checksum); restore both files from a copy, or start another run`,
  );
}

/**
 * Checks the recorded normalisation, with which a run is resumed, against that of its images.
 *
 * @throws UserError when they differ by more than rounding
 */
export function requireNormalization(fileName: string, { data }: RunRecord, images: PixelNormalization): void {
  const { normalization } = data;
  if (!normalization) return;
  for (const field of ["mean", "standardDeviation"] as const) {
    const [own, other] = [normalization[field], images[field]];
    const isSame = own.length === other.length && own.every((value, i) => Math.abs(value - other[i]!) <= ROUNDING);
    if (isSame) continue;
    throw new UserError(
      `${fileName}: field "data.normalization.${field}": ${JSON.stringify(own)} contradicts ${JSON.stringify(other)}, that of the run's images; restore the file from a copy, or start another run`,
    );
  }
}

/**
 * Sizes of all tensors of a training, by name: parameters, running statistics, and optimizer state and averages of those
 * that the step after `step` changes.
 */
function keptSizes(
  recipe: Recipe,
  task: ImageTask,
  step: number,
  stepsOf: (epochs: number) => number,
): Map<string, number> {
  const { model, optimizer, averaging } = recipe;
  const { tuning } = stageAt(trainingStages(recipe, task), step, stepsOf);
  const normalization = withoutNormalization(task);
  const { tensors, parameters, buffers } = buildModel(model, { task, batchSize: 1, mode: "inference", normalization });
  const own = tensors.map(({ name, value }) => [name, sizeOf(value.shape)] as const);
  const trained = parameters.filter(({ name }) => tuning.isTrained(name));
  const moving = new Set([...trained, ...(tuning.statistics === "running" ? [] : buffers)].map(({ name }) => name));
  const averages = averaging
    ? own.flatMap(([name, size]) => (moving.has(name) ? [[averageName(name), size] as const] : []))
    : [];
  const sizes = new Map([...own, ...averages]);
  for (const { name, value } of trained) {
    for (const slot of createOptimizer(optimizer).slotsOf(value.shape))
      sizes.set(slotName(name, slot), sizeOf(value.shape));
  }
  return sizes;
}

function stepsOf({ data, batchSize }: RunRecord, epochs: number): number {
  return stepsIn(epochs, data.trainImages, batchSize);
}

/** Number of finished epochs after `step` steps. */
function epochsDone({ data, batchSize }: RunRecord, step: number): number {
  return Math.ceil(((step + 1) * batchSize) / data.trainImages) - 1;
}

function damagedState(fileName: string, problem: string): UserError {
  return new UserError(
    `${fileName}: ${problem}; the file is not this run's: restore it from a copy, or start another run`,
  );
}

/**
 * Checks whether resuming gives the same result as an uninterrupted run.
 *
 * @returns the differences, if they are allowed
 * @throws UserError that names the difference: always for other data, for another computation unless it is allowed
 */
export function checkResumable(
  path: string,
  record: RunRecord,
  now: { lowering: Lowering; runtime: Runtime; data: LoadedData; allowDifferent: boolean },
): string[] {
  if (differingFile(now.data, record.data.files) !== undefined) {
    throw new UserError(
      (w) =>
        `${path} was trained on other data than ${now.data.folder} holds; give the run's own data with ${w.option("data")}`,
    );
  }
  const block = now.lowering.kind === "blocked" ? now.lowering.block : null;
  const differences = [
    record.lowering === now.lowering.kind ? "" : `lowering ${record.lowering} then, ${now.lowering.kind} now`,
    record.lowering !== now.lowering.kind || record.blockSize === block
      ? ""
      : `block size ${record.blockSize} then, ${block} now`,
    record.gpu?.name === now.runtime.gpu?.name
      ? ""
      : `${deviceName(record.gpu)} then, ${deviceName(now.runtime.gpu)} now`,
    record.versions.onnxruntime === now.runtime.version
      ? ""
      : `ONNX Runtime ${record.versions.onnxruntime} then, ${now.runtime.version} now`,
  ].filter((difference) => difference !== "");
  if (differences.length > 0 && !now.allowDifferent) {
    throw new UserError(
      (w) =>
        `${path} would go on with another computation (${differences.join("; ")}), so the result would not be the uninterrupted run's; resume it all the same with ${w.option("allowDifferent")}${w.command("train", { resume: path, allowDifferent: true })}`,
    );
  }
  return differences;
}

function deviceName(gpu: RunRecord["gpu"]): string {
  return gpu ? `GPU ${gpu.name ?? "of unknown name"}` : "processor";
}
