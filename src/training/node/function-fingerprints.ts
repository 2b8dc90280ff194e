import { createHash } from "node:crypto";
import type { ImageSet } from "../../data/image-set.ts";
import { imageBytes } from "../../data/image-set.ts";
import { type Augment, augmentWith } from "../../data/own-augmentation.ts";
import type { TrainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { graphText } from "../../graph/graph-text.ts";
import { input } from "../../ops/leaves.ts";
import { randomStream } from "../../random.ts";
import type { RunRecord } from "../../runs/run-record.ts";
import type { TrainingFunctions } from "../own-functions.ts";
import { applyLoss, type Loss } from "../own-loss.ts";
import { checkMetrics, computeMetrics } from "../own-metrics.ts";

type Fingerprints = NonNullable<RunRecord["functions"]>;

/** An augmentation is tried on this many of the first training images, with several draws each. */
const MAX_IMAGES = 32;
const DRAWS = 4;

/**
 * Fingerprints of what functions compute, not of their source: of a loss its operations, of an augmentation and of a
 * metric the results for samples of the run's images and labels. So names, comments and form may change.
 *
 * @returns undefined without functions
 * @throws UserError when a function fails on its sample, or gives another result the second time
 */
export function functionFingerprints(
  { loss, augment, metrics = {} }: TrainingFunctions,
  { train, validation, batchSize }: TrainingData & { readonly batchSize: number },
): Fingerprints | undefined {
  checkMetrics(metrics, validation);
  const ofMetrics = validation && Object.keys(metrics).length > 0 ? metricResults(metrics, validation) : undefined;
  if (!loss && !augment && !ofMetrics) return undefined;
  return {
    ...(loss ? { loss: sha256(lossText(loss, batchSize, train.classNames.length)) } : {}),
    ...(augment ? { augment: repeated("augment", () => sha256(augmentedSample(augment, train))) } : {}),
    ...(ofMetrics ? { metrics: ofMetrics } : {}),
  };
}

/**
 * Checks that a run goes on with the functions that it began with.
 *
 * @param path of the run
 * @throws UserError that names the function which is missing, additional or another one
 */
export function requireSameFunctions(
  path: string,
  began: Fingerprints | undefined,
  now: Fingerprints | undefined,
): void {
  const [before, after] = [flat(began), flat(now)];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [expected, found] = [before.get(name), after.get(name)];
    if (expected === found) continue;
    if (found === undefined) {
      throw new UserError(
        `${path} was begun with a function \`${name}\` of a program; resume it from a program that gives the same one as \`functions.${name}\``,
      );
    }
    throw new UserError(
      expected === undefined
        ? `${path} was begun without a function \`${name}\`; leave it out, or start another run`
        : `${path} was begun with another function \`${name}\`, which computed something else; give that one, or start another run`,
    );
  }
}

function flat({ metrics = {}, ...rest }: Fingerprints = {}): Map<string, string> {
  const named = Object.entries(metrics).map(([name, sum]) => [`metrics.${name}`, sum]);
  return new Map([...Object.entries(rest), ...named] as [string, string][]);
}

function lossText(loss: Loss, batch: number, classes: number): string {
  const inputs = {
    logits: input("logits", [batch, classes]),
    labels: input("labels", [batch], "int32"),
    targets: input("targets", [batch, classes]),
  };
  return graphText([applyLoss(loss, inputs)]);
}

function augmentedSample(augment: Augment, set: ImageSet): Uint8Array {
  const size = imageBytes(set);
  const count = Math.min(MAX_IMAGES, set.count);
  const sample = new Uint8Array(DRAWS * count * size);
  for (let place = 0; place < DRAWS * count; place++) {
    const image = place % count;
    sample.set(set.images.read(image, image + 1), place * size);
    augmentWith(augment, sample, place * size, set, { seed: 0, place, image });
  }
  return sample;
}

/** Results for random probabilities of the validation images. */
function metricResults(metrics: NonNullable<TrainingFunctions["metrics"]>, set: ImageSet): Record<string, string> {
  const { classNames } = set;
  const labels = Array.from(set.labels);
  const results = () => {
    const stream = randomStream(0, "check");
    const probabilities = new Float64Array(labels.length * classNames.length);
    for (let start = 0; start < probabilities.length; start += classNames.length) {
      const row = probabilities.subarray(start, start + classNames.length);
      row.forEach((_, i) => {
        row[i] = stream.uniform() + 1e-3;
      });
      const total = row.reduce((sum, value) => sum + value, 0);
      row.forEach((value, i) => {
        row[i] = value / total;
      });
    }
    return computeMetrics(metrics, { probabilities, labels, classNames }, "tried on random probabilities");
  };
  const [first, second] = [results(), results()];
  return Object.fromEntries(
    Object.entries(first).map(([name, value]) => [
      name,
      repeated(name, () => sha256(`${value}`), sha256(`${second[name]}`)),
    ]),
  );
}

/** @throws UserError when a function's second result is another one */
function repeated(name: string, result: () => string, second = result()): string {
  const first = result();
  if (first === second) return first;
  throw new UserError(
    `the function \`${name}\` gives another result for the same input, so the training could not be repeated; take random numbers from \`random\` only, and keep no state`,
  );
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
