import { messageOf, UserError } from "../errors.ts";

/** What a metric is computed from: a network's answers to all validation images. */
export interface MetricInputs {
  /** Softmax probabilities, [images, classes], row-major. */
  readonly probabilities: Float64Array;
  /** Class indices, [images]. */
  readonly labels: readonly number[];
  readonly classNames: readonly string[];
}

/** A metric of one's own, computed after each epoch. @returns a finite number */
export type Metric = (inputs: MetricInputs) => number;

/** Metrics by name. */
export type Metrics = Readonly<Record<string, Metric>>;

/** Names are columns of files and titles of figures. */
const NAME = /^[A-Za-z][\w.-]*$/;

/** @throws UserError when a metric has a name that is not allowed, or there are no images to compute it on */
export function checkMetrics(metrics: Metrics | undefined, validation: object | null): void {
  const names = Object.keys(metrics ?? {});
  for (const name of names) {
    if (NAME.test(name)) continue;
    throw new UserError(
      `metrics: the name ${JSON.stringify(name)} is not allowed; it starts with a letter, then letters, digits, ".", "-" and "_"`,
    );
  }
  if (names.length > 0 && validation === null) {
    throw new UserError(
      (w) =>
        `metrics are computed on validation images, and there are none: leave out ${w.option("trainOn", "all")} or \`metrics\``,
    );
  }
}

/**
 * The metrics' values, by name.
 *
 * @param where for error messages, such as the epoch
 * @throws UserError when one throws or is not a finite number
 */
export function computeMetrics(metrics: Metrics, inputs: MetricInputs, where: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => {
      let value: unknown;
      try {
        value = metric(inputs);
      } catch (error) {
        throw new UserError(`the metric \`${name}\`, ${where}: ${messageOf(error)}`, {
          cause: error,
        });
      }
      if (typeof value === "number" && Number.isFinite(value)) return [name, value];
      throw new UserError(
        `the metric \`${name}\`, ${where}: returned ${String(value)}; it must return a finite number`,
      );
    }),
  );
}
